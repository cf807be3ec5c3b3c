"""Compiling one kernel after another with other configs, in one build folder."""

from __future__ import annotations

from pathlib import Path

from ingot.arch import Arch
from ingot.builder.dot_config import put_config
from ingot.builder.sandbox import Sandbox
from ingot.compile.compile_kernel import LARGEST_FILE, expected_objects, install_kernel
from ingot.compile.run_make import Counter, Make, jobs
from ingot.kconfig import Config
from ingot.progress import Step


def compile_variant(
    sandbox: Sandbox, arch: Arch, config: Config, epoch: int, log: Path, step: Step
) -> Path:
    """The kernel file that a resolved `.config` makes, in the results, without its modules.

    make compiles only what the config changes since the last time. The file is replaced by the
    next call; arguments and errors as of `compile_kernel`.
    """
    put_config(sandbox, config)
    counter = Counter(step, expected_objects(config))
    Make(sandbox, arch, epoch, log).run(jobs(), arch.target, counter=counter)
    return install_kernel(sandbox.copy_out(arch.image, LARGEST_FILE), sandbox.results)
