"""A kernel's own Kconfig, run in the sandbox: it resolves, completes, edits and is asked.

`allnoconfig` with the merged fragments (kernel: Documentation/kbuild/kconfig.rst,
KCONFIG_ALLCONFIG) keeps every enabled option one that somebody asked for or that something
asked for needs. Kconfig drops what it cannot satisfy without a word: `kconfig.check` finds it.
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
    """The `.config` that Kconfig makes of the requests; it is left in the build directory.

    Whether it honours them is not looked at here. A BuildError holds Kconfig's own words.
    """
    asked = sandbox.give("fragments.config", kconfig.render(requests).encode())
    _make(sandbox, arch, "allnoconfig", log, {"KCONFIG_ALLCONFIG": asked})
    return _resolved(sandbox)


def complete(sandbox: Sandbox, arch: Arch, config: Config, log: Path) -> Config:
    """A full `.config` as this kernel has it: what it does not mention gets its default."""
    put_config(sandbox, config)
    _make(sandbox, arch, "olddefconfig", log)
    return _resolved(sandbox)


def survey(sandbox: Sandbox, arch: Arch, log: Path) -> OptionTable:
    """All that Kconfig knows of this kernel's options for `arch`.

    The kernel's make gives Kconfig the environment its files expect, so Kconfig itself is made
    to start the survey: in place of the kernel's top file it reads one that does.
    """
    import kconfiglib  # only for where it is: importing it costs every start of Ingot 25 ms

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
            "Kconfig's options could not be surveyed",
            why="\n".join(result.output.splitlines()[-_SHOWN:]),
            hint=f"the builder needs python3; the whole output is in {log}",
        ) from None
    finally:
        sandbox.made.remove(_SURVEYED)


def edit(
    sandbox: Sandbox, arch: Arch, config: Config, log: Path, terminal: str = "xterm-256color"
) -> Config:
    """Let a person change a `.config` in Kconfig's own menu (menuconfig); the config they left.

    Needs a terminal; `terminal` is its kind (TERM, as terminfo(5) names it). Not saving leaves
    the config as it was.
    """
    complete(sandbox, arch, config, log)
    words = _words(sandbox, arch, "menuconfig")
    command = sandbox.command(words, {"TERM": terminal}, interactive=True)
    try:
        run_in_terminal(command)
    except CommandFailedError as error:
        raise BuildError(
            "menuconfig failed",
            why="the builder may lack what it needs to be compiled, or this terminal is too small",
            hint=f"the builder needs libncurses-dev; {error.hint}",
        ) from error
    return made_config(sandbox)


def _resolved(sandbox: Sandbox) -> Config:
    """The config that Kconfig wrote; a BuildError if it is for another compiler than asked for.

    A kernel whose make does not know what asks for clang takes gcc without a word.
    """
    config = made_config(sandbox)
    if sandbox.builder.llvm and config.value("CC_IS_CLANG") != "y":
        raise BuildError(
            f"this kernel cannot be compiled with clang, which the builder"
            f" '{sandbox.builder.name}' is for",
            why="its make does not know LLVM=1, which series have since 5.7",
            hint="compile it in a builder with gcc",
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
