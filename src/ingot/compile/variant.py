"""Compiling one kernel after another with other configs, in one build folder."""

from __future__ import annotations

from pathlib import Path

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.compile.kernel import expected_objects, install_kernel
from ingot.compile.make import Counter, Make, jobs
from ingot.files import disk_errors
from ingot.progress import Step


def compile_variant(
    sandbox: Sandbox, arch: Arch, config: str, epoch: int, log: Path, step: Step
) -> Path:
    """The kernel file that a resolved `.config` makes, in the build folder, without its modules.

    make compiles only what the config changes since the last time. The file is replaced by the
    next call; arguments and errors as of `compile_kernel`.
    """
    with disk_errors(sandbox.build):
        (sandbox.build / ".config").write_text(config, encoding="utf-8")
    counter = Counter(step, expected_objects(kconfig.parse_config(config)))
    Make(sandbox, arch, epoch, log).run(jobs(), arch.target, counter=counter)
    return install_kernel(sandbox.build, arch)
