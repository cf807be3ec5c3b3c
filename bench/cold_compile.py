"""How much longer a cold compile takes in Ingot than plain make, side by side in one run.

    .venv/bin/python bench/cold_compile.py [--catalog DIR] [KERNEL]

Same tree, config, builder, sandbox and file system. `plain` is `make -jN vmlinux modules` with
no ccache and nobody reading its output; `ingot` is the compile step of a build with an empty
compile cache, its progress counted. They take turns; each round prints both and the ratio.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import ingot
from ingot import configure, pipeline
from ingot.builder.sandbox import Sandbox
from ingot.builder.toolchain import make_flags
from ingot.catalog import Kernel
from ingot.compile.compile_kernel import compile_kernel
from ingot.files import remove_tree
from ingot.process import run
from ingot.progress import Silent, Timed
from ingot.setting import Setting
from ingot.source.origin import Source
from ingot.source.trees.source_cache import SourceCache


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernel", nargs="?", default="6.1")
    parser.add_argument("--catalog", type=Path, default=Path("kernels"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ingot")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    setting = Setting(ingot.open_project(options.catalog, cache=options.cache))
    (kernel,) = ingot.list_kernels(setting.project, [options.kernel])
    source = SourceCache(setting.project.workspace.sources).known(kernel.version)[0]
    for number in range(1, options.rounds + 1):
        plain = measure(setting, kernel, source, with_ingot=False)
        own = measure(setting, kernel, source, with_ingot=True)
        print(f"round {number}: plain {plain:.1f} s, ingot {own:.1f} s, {own / plain:.3f}")


def measure(setting: Setting, kernel: Kernel, source: Source, *, with_ingot: bool) -> float:
    """Seconds of wall time for vmlinux and modules, from a resolved config."""
    builder = pipeline.ensure_builder(setting, kernel.builder, Silent())
    requests = setting.project.catalog.requests(kernel)
    with setting.project.workspace.build_directory() as directory:
        ccache = directory.with_name(f"{directory.name}-ccache")
        log = directory.with_name(f"{directory.name}.log")
        sandbox = Sandbox.below(directory, builder, source.tree)
        config = configure.resolve(sandbox, kernel.arch, requests, log)
        try:
            if with_ingot:
                ccache.mkdir()
                timed = Timed(Silent())
                cached = replace(sandbox, ccache=ccache)
                compile_kernel(cached, kernel.arch, config, source.epoch, log, timed)
                return next(t.seconds for t in timed.timings if t.title == "compile")
            jobs = f"-j{len(os.sched_getaffinity(0))}"
            words = ["make", "-C", "/src", "O=/build", *make_flags(kernel.arch)]
            began = time.monotonic()
            run(sandbox.command([*words, jobs, kernel.arch.target, "modules"]), keep_output=False)
            return time.monotonic() - began
        finally:
            remove_tree(ccache)
            log.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
