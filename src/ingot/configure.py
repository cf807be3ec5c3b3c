"""Runs a kernel's own Kconfig in the sandbox, to resolve, complete, edit and survey configs.

`allnoconfig` with the merged fragments (kernel: Documentation/kbuild/kconfig.rst,
KCONFIG_ALLCONFIG) enables only options that a fragment requests, or that a requested option
needs. Kconfig drops what it cannot satisfy without a message: `kconfig.check` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder.dot_config import made_config, put_config
from ingot.builder.sandbox import Sandbox
from ingot.builder.toolchain import make_words
from ingot.errors import BuildError
from ingot.kconfig import Config, OptionRequest, OptionTable
from ingot.process import CommandFailedError, Result, run, run_in_terminal

_SURVEY = "survey := $(shell,python3 $SURVEY/survey.py $SURVEYED)\n"
_SURVEYED = "ingot-options.json"
_SHOWN = 15
_LARGEST_SURVEY = 256 << 20
"""The most bytes of a survey; one of 6.18 has 12 MiB."""


def resolve(
    sandbox: Sandbox, arch: Arch, requests: Mapping[str, OptionRequest], log: Path
) -> Config:
    """The `.config` that Kconfig makes of the requests; it stays in the build directory.

    It may not satisfy all of them (see `kconfig.check`). A BuildError has Kconfig's messages.
    """
    asked = sandbox.give("fragments.config", kconfig.render(requests).encode())
    _make(sandbox, arch, "allnoconfig", log, {"KCONFIG_ALLCONFIG": asked})
    return _resolved(sandbox)


def complete(sandbox: Sandbox, arch: Arch, config: Config, log: Path) -> Config:
    """The full `.config` for this kernel: an option that `text` does not set gets its default."""
    put_config(sandbox, config)
    _make(sandbox, arch, "olddefconfig", log)
    return _resolved(sandbox)


def survey(sandbox: Sandbox, arch: Arch, log: Path) -> OptionTable:
    """The table of all options that this kernel's Kconfig defines for `arch`.

    The kernel's make sets the environment that its Kconfig files expect, so Kconfig itself is made
    to start the survey: it reads a file that does so instead of the kernel's top Kconfig file.
    """
    import kconfiglib  # only for its path; imported here, since it costs every start 25 ms

    for script in (Path(kconfig.__file__).with_name("survey.py"), Path(kconfiglib.__file__)):
        sandbox.give(f"survey/{script.name}", script.read_bytes())
    top = sandbox.give("survey/Kconfig", _SURVEY.encode())
    environment = {
        "SURVEY": str(PurePosixPath(top).parent),
        "SURVEYED": f"/build/{_SURVEYED}",
        "KBUILD_KCONFIG": top,
        "KCONFIG_CONFIG": "/build/.ingot-survey.config",
    }
    sandbox.made.remove(_SURVEYED)
    try:
        result = _make(sandbox, arch, "listnewconfig", log, environment)
        return OptionTable.of_survey(sandbox.made.read(_SURVEYED, _LARGEST_SURVEY))
    except FileNotFoundError:
        raise BuildError(
            "the options of this kernel's Kconfig could not be read",
            why="\n".join(result.output.splitlines()[-_SHOWN:]),
            hint=f"the builder needs python3; the whole output is in {log}",
        ) from None
    finally:
        sandbox.made.remove(_SURVEYED)


def edit(
    sandbox: Sandbox, arch: Arch, config: Config, log: Path, terminal: str = "xterm-256color"
) -> Config:
    """Let the user edit a `.config` in menuconfig; returns the saved config.

    Needs a terminal; `terminal` is its type (TERM, terminfo(5)). Without saving, the config does
    not change.
    """
    complete(sandbox, arch, config, log)
    words = _words(sandbox, arch, "menuconfig")
    command = sandbox.command(words, {"TERM": terminal}, interactive=True)
    try:
        run_in_terminal(command)
    except CommandFailedError as error:
        raise BuildError(
            "menuconfig failed",
            why="the builder may lack a library that it needs, or this terminal is too small",
            hint=f"the builder needs libncurses-dev; {error.hint}",
        ) from error
    return made_config(sandbox)


def _resolved(sandbox: Sandbox) -> Config:
    """The config that Kconfig wrote; a BuildError if it is not for the builder's compiler.

    The make of an old kernel ignores LLVM=1, and uses gcc.
    """
    config = made_config(sandbox)
    if sandbox.builder.llvm and config.value("CC_IS_CLANG") != "y":
        raise BuildError(
            f"this kernel cannot be compiled with clang, the compiler of the builder"
            f" '{sandbox.builder.name}'",
            why="its make does not support LLVM=1, which is new in 5.7",
            hint="use a builder with gcc",
        )
    return config


def _make(
    sandbox: Sandbox, arch: Arch, target: str, log: Path, env: Mapping[str, str] | None = None
) -> Result:
    """Run one of Kconfig's make targets; its failure is a BuildError."""
    try:
        return run(sandbox.command(_words(sandbox, arch, target), env), log=log)
    except CommandFailedError as error:
        raise BuildError(
            "Kconfig could not resolve the config",
            why="\n".join(error.tail),
            hint=f"the whole output is in {log}; {error.hint}",
        ) from error


def _words(sandbox: Sandbox, arch: Arch, target: str) -> list[str]:
    words = make_words(arch, llvm=sandbox.builder.llvm)
    return ["make", "-C", "/src", "O=/build", *words, target]
