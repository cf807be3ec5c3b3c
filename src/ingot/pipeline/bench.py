"""Compiles and measures kernels with any config, one after the other. None of them is kept.

They share one build directory, so make recompiles only what changed since the previous config.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import configure
from ingot.boot.cost.boot_profile import Profile
from ingot.builder.sandbox import Sandbox
from ingot.catalog import Kernel
from ingot.compile.variant_build import compile_variant
from ingot.kconfig import Config
from ingot.kconfig.option_table import OptionTable
from ingot.lab.profiling import measure_kernel
from ingot.pipeline.builders import builder_for
from ingot.pipeline.caches import compile_cache
from ingot.pipeline.configs import option_table
from ingot.pipeline.inputs import obtain_source
from ingot.pipeline.kernel_plan import make_plan
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Progress, Silent
from ingot.setting import Setting, in_use
from ingot.source.origin import Source
from ingot.source.trees import patched_tree as patching

_STATES = ("bool", "tristate")


@dataclass(frozen=True, slots=True)
class Bench:
    """The sandboxes where kernels of one source are compiled (`sandbox`) and booted (`lab`).

    `table` is Kconfig's table of the source's options; `log` has the output of all compiles.
    """

    setting: Setting
    kernel: Kernel
    source: Source
    sandbox: Sandbox
    lab: Sandbox
    table: OptionTable
    log: Path
    progress: Progress

    def completed(self, options: Mapping[str, str]) -> Config:
        """The config that Kconfig makes of these values, with every other option off."""
        off = {name: "n" for name, option in self.table.options.items() if option.type in _STATES}
        text = "".join(f"CONFIG_{name}={value}\n" for name, value in {**off, **options}.items())
        return configure.complete(self.sandbox, self.kernel.arch, Config(text), self.log)

    def profile(self, title: str, config: Config) -> tuple[Profile, int]:
        """The boot profile of the kernel with this completed config, and its file size in bytes.

        BuildError or BootError if it does not compile or boot.
        """
        arch = self.kernel.arch
        with self.progress.step(title) as step:
            file = compile_variant(self.sandbox, arch, config, self.source.epoch, self.log, step)
            profile = measure_kernel(self.setting, self.lab, file, arch, None, Silent())
            size = file.stat().st_size
            step.result(f"{profile.instructions:,} instructions, {size:,} bytes")
        return profile, size


@contextlib.contextmanager
def open_bench(setting: Setting, kernel: Kernel, progress: Progress) -> Iterator[Bench]:
    """A bench for kernels of this kernel's source, in its builder; removed afterwards."""
    plan = make_plan(setting.project.catalog, kernel, setting.options)
    work = setting.project.workspace
    with in_use(setting.project, progress):
        source = obtain_source(setting, kernel, progress)
        builder = builder_for(setting, kernel, progress)
        with (
            work.build_directory() as directory,
            work.build_directory() as guests,
            patching.patched_tree(
                source, plan.patches, plan.patch_digests, work.sources, progress
            ) as tree,
            sandbox_for(
                setting, builder, tree, directory, compile_cache(setting, plan, source)
            ) as sandbox,
        ):
            log = work.log(f"{kernel.tag}-bench")
            log.unlink(missing_ok=True)
            lab = Sandbox.below(guests, builder)
            table = option_table(setting.project, plan, source, sandbox, log, progress)
            yield Bench(
                setting=setting,
                kernel=kernel,
                source=source,
                sandbox=sandbox,
                lab=lab,
                table=table,
                log=log,
                progress=progress,
            )


def profile_config(
    setting: Setting, kernel: Kernel, config: Config, progress: Progress
) -> tuple[Profile, int]:
    """Compile a kernel's source with any config; returns its boot profile and its size in bytes.

    Options that `config` does not have are off.
    """
    with open_bench(setting, kernel, progress) as bench:
        return bench.profile(kernel.tag, bench.completed(config.options))
