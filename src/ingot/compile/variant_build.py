"""Compiles several configs of a kernel, one after another, in one build directory."""

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
    """Compile the kernel of a resolved `.config`, without modules; returns the file in the results.

    make compiles only what changed since the last config. The next call replaces the file;
    arguments and errors are those of `compile_kernel`.
    """
    put_config(sandbox, config)
    counter = Counter(step, expected_objects(config))
    Make(sandbox, arch, epoch, log).run(*jobs(sandbox), arch.target, counter=counter)
    return install_kernel(sandbox.copy_out(arch.image, LARGEST_FILE), sandbox.results)
