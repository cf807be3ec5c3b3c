"""Writes the build of a kernel as a Containerfile, for machines with a container engine only.

    Containerfile        stages: builder, compile; bin, modules and base, the images
    source.tar.gz        the verified tree with its patches, as src/
    fragments.config     the requested options (or full.config, if the catalog has one)
    ingot/               the Python modules that reduce the kernel to the parts a VMM loads

It runs the same make with the same flags, paths and environment as `ingot build`, so a builder with
the same packages gives the same files. Unlike `ingot build`, it does not check that Kconfig keeps
all requested options, and boots nothing; the images have fewer labels, so their digests differ.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from ingot import errors
from ingot.arch import Arch
from ingot.builder import container_builder
from ingot.builder.sandbox import ENVIRONMENT
from ingot.builder.toolchain import make_flags
from ingot.catalog import BuilderSpec, Kernel
from ingot.compile.run_make import timestamp
from ingot.errors import UserError
from ingot.files import disk_errors, staging_directory
from ingot.images import KERNEL_FILE
from ingot.pipeline.builders import site_of
from ingot.pipeline.full_configs import require_usable
from ingot.pipeline.inputs import obtain_source
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.process import run
from ingot.progress import Progress, Step
from ingot.setting import Project, Setting, in_use
from ingot.source.local_source import require_unchanged
from ingot.source.origin import Source
from ingot.source.trees import patched_tree as patching

_TREE = "source.tar.gz"
_TOOLS = ("errors.py", "elf/header.py", "elf/loadable.py")
_PYTHON = "/ingot/python"
_INSTALL = "/build/install"


@dataclass(frozen=True, slots=True)
class _Chain:
    """The inputs of one kernel's Containerfile."""

    plan: Plan
    source: Source
    host: Arch

    @property
    def kernel(self) -> Kernel:
        return self.plan.kernel

    @property
    def config(self) -> str:
        """The name of the config file that is passed to Kconfig."""
        return "full.config" if self.plan.full_config else "fragments.config"

    @property
    def text(self) -> str:
        """The Containerfile."""
        kernel, builder = self.kernel, self.kernel.builder
        boot = f"{_INSTALL}/{KERNEL_FILE}"
        return "\n".join(
            [
                f"# linux {kernel.version} for {kernel.arch.name}, as Ingot builds {kernel.tag}.",
                f"# `ingot containerfile {kernel.tag} --output DIR` writes what it takes. Targets:",
                "# bin (the kernel), modules, base (both, and the config); builder, the toolchain.",
                f"# docker buildx build --target bin --tag kernel-bin:{kernel.tag} \\",
                "#     -f DIR/Containerfile DIR",
                "",
                container_builder.stage(builder, self.host, builder.image),
                "FROM builder AS compile",
                f"ADD {_TREE} /",
                f"COPY {self.config} /ingot/",
                f"COPY ingot {_PYTHON}/ingot",
                "WORKDIR /build",
                self._compile(),
                "",
                *self._image("bin", f"COPY --from=compile {boot} /{KERNEL_FILE}"),
                *self._image("modules", f"COPY --from=compile {_INSTALL}/lib/modules /lib/modules"),
                *self._image("base", f"COPY --from=compile {_INSTALL}/ /"),
            ]
        )

    def _compile(self) -> str:
        """The RUN instruction that compiles; the images copy only its results, so nothing else of
        it becomes part of them."""
        flags = make_flags(self.kernel.arch, llvm=self.kernel.builder.llvm)
        environment = {**ENVIRONMENT, "CCACHE_DISABLE": "1"}
        words = [
            *("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
            *("make", "-C", "/src", "O=/build", *flags),
            f"KBUILD_BUILD_TIMESTAMP={timestamp(self.source.epoch)}",
        ]
        made = f"/build/{self.kernel.arch.image}"
        steps = [
            "set -e",
            f'kernel() {{ {shlex.join(words)} "$@"; }}',
            *self._configure(),
            "modules=$(grep -q '^CONFIG_MODULES=y' .config && echo modules || true)",
            f'kernel -j"$(nproc)" {self.kernel.arch.target} $modules',
            "release=$(cat include/config/kernel.release)",
            f"installed={_INSTALL}/lib/modules/$release",
            'mkdir -p install/boot "$installed"',
            f'if [ "$modules" ]; then kernel INSTALL_MOD_PATH={_INSTALL} modules_install; fi',
            'rm -f "$installed/build" "$installed/source"',
            f"PYTHONPATH={_PYTHON} python3 -m ingot.elf.loadable {made} {_INSTALL}/{KERNEL_FILE}",
            'cp .config "install/boot/config-$release"',
            f"find install -exec touch --no-dereference --date=@{self.source.epoch} {{}} +",
        ]
        return "RUN " + "; \\\n    ".join(steps)

    def _configure(self) -> list[str]:
        if self.plan.full_config:
            return [f"cp /ingot/{self.config} .config", "kernel olddefconfig"]
        return [f"kernel KCONFIG_ALLCONFIG=/ingot/{self.config} allnoconfig"]

    def _image(self, name: str, copy: str) -> list[str]:
        kernel = self.kernel
        labels = {
            "org.opencontainers.image.version": str(kernel.version),
            "dev.ingot.version": str(kernel.version),
            "dev.ingot.arch": kernel.arch.name,
            "dev.ingot.source-digest": str(self.source.digest),
            "dev.ingot.filename": KERNEL_FILE,
            "dev.ingot.command-line": kernel.arch.command_line,
        }
        lines = [f'LABEL {key}="{value}"' for key, value in labels.items()]
        return [f"FROM scratch AS {name}", *lines, copy, ""]


def containerfile(setting: Setting, kernel: Kernel, progress: Progress) -> str:
    """The Containerfile of a kernel whose builder is an image; its source is obtained.

    UserError for a builder of another kind.
    """
    with in_use(setting.project, progress):
        return _chain(setting, kernel, progress).text


def write_context(setting: Setting, kernel: Kernel, to: Path, progress: Progress) -> None:
    """Write the Containerfile and all files that it needs as the new directory `to`.

    UserError if `to` exists.
    """
    if to.exists():
        raise UserError(
            f"{to} exists already", hint="name a directory that does not exist: it is created"
        )
    with in_use(setting.project, progress):
        chain = _chain(setting, kernel, progress)
        with staging_directory(to.parent) as directory, disk_errors(to.parent):
            _write(setting.project, chain, directory, progress)
            directory.rename(to)


def _chain(setting: Setting, kernel: Kernel, progress: Progress) -> _Chain:
    _require_image(kernel.builder)
    plan = make_plan(setting.project.catalog, kernel, setting.options)
    require_usable(plan)
    source = obtain_source(setting, kernel, progress)
    return _Chain(plan, source, site_of(setting.project).host)


def _require_image(spec: BuilderSpec) -> None:
    if spec.kind != container_builder.KIND:
        raise UserError(
            f"the builder '{spec.name}' is not a container image, so a Containerfile cannot use it",
            why=f"its kind is '{spec.kind}'",
            hint="choose a builder of the kind 'container' with --builder",
        )


def _write(project: Project, chain: _Chain, directory: Path, progress: Progress) -> None:
    plan = chain.plan
    (directory / "Containerfile").write_text(chain.text, encoding="utf-8")
    if plan.full_config:
        shutil.copyfile(plan.full_config, directory / chain.config)
    else:
        (directory / chain.config).write_text(plan.fragments_text, encoding="utf-8")
    ours = Path(errors.__file__).parent
    for name in _TOOLS:
        (directory / "ingot" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ours / name, directory / "ingot" / name)
    work = project.workspace.sources
    with (
        patching.patched_tree(
            chain.source, plan.patches, plan.patch_digests, work, progress
        ) as tree,
        progress.step("pack source") as step,
    ):
        _pack(tree, directory / _TREE, chain.source.epoch, step)
    require_unchanged(chain.source, progress)


def _pack(tree: Path, target: Path, epoch: int, step: Step) -> None:
    """Pack a tree as src/; the same versions of tar and gzip give the same bytes."""
    count = 0

    def packed(_line: str) -> None:
        nonlocal count
        count += 1
        step.advance(count, unit="files")

    words = [
        *("tar", "--create", "--verbose", "--file", str(target)),
        *("--use-compress-program", "gzip -n -1", "--format=gnu", "--sort=name"),
        *("--owner=0", "--group=0", "--numeric-owner", f"--mtime=@{epoch}", "--hard-dereference"),
        *("--mode=u=rwX,go=rX", "--exclude-vcs"),
        *("--transform", "flags=r;s,^\\.,src,", "--directory", str(tree), "."),
    ]
    run(words, env={"LC_ALL": "C"}, on_line=packed, keep_output=False)
    step.result(f"{count:,} files, {target.stat().st_size >> 20} MiB")
