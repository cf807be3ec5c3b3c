"""Runs a kernel's own Kconfig in the sandbox: resolves, completes, edits and surveys configs.

With `allnoconfig` and the merged fragments (kernel: Documentation/kbuild/kconfig.rst,
KCONFIG_ALLCONFIG) an option is enabled only if it was requested or if a requested option needs
it. Kconfig silently drops requests that it cannot satisfy: `kconfig.check` finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder.dot_config import made_config, put_config
from ingot.builder.sandbox import Sandbox
from ingot.builder.toolchain import make_arguments
from ingot.errors import BuildError
from ingot.kconfig import Config, OptionRequest
from ingot.kconfig.option_table import OptionTable
from ingot.process import CommandFailedError, Result, run, run_in_terminal

_SURVEY = "survey := $(shell,python3 $SURVEY/survey.py $SURVEYED)\n"
_SURVEYED = "ingot-options.json"
_SHOWN = 15
_LARGEST_SURVEY = 256 << 20
"""The largest survey that is read, in bytes; that of 6.18 has 12 MiB."""


def resolve(
    sandbox: Sandbox, arch: Arch, requests: Mapping[str, OptionRequest], log: Path
) -> Config:
    """The `.config` that Kconfig makes of the requests; it is also left in the build directory.

    This does not check whether the requests are met. A BuildError holds Kconfig's messages.
    """
    asked = sandbox.add_input("fragments.config", kconfig.render(requests).encode())
    _make(sandbox, arch, "allnoconfig", log, {"KCONFIG_ALLCONFIG": asked})
    return _resolved(sandbox)


def complete(sandbox: Sandbox, arch: Arch, config: Config, log: Path) -> Config:
    """A full `.config` for this kernel: options that `text` does not mention get their default."""
    put_config(sandbox, config)
    _make(sandbox, arch, "olddefconfig", log)
    return _resolved(sandbox)


def survey(sandbox: Sandbox, arch: Arch, log: Path) -> OptionTable:
    """The table of all options that this kernel's Kconfig defines for `arch`.

    Only the kernel's make sets the environment that its Kconfig files expect. So the survey is
    started by Kconfig itself, which reads a top file that starts it instead of the kernel's.
    """
    import kconfiglib  # only for its path; here, since importing it takes 25 ms

    for script in (Path(kconfig.__file__).with_name("survey.py"), Path(kconfiglib.__file__)):
        sandbox.add_input(f"survey/{script.name}", script.read_bytes())
    top = sandbox.add_input("survey/Kconfig", _SURVEY.encode())
    environment = {
        "SURVEY": str(PurePosixPath(top).parent),
        "SURVEYED": f"/build/{_SURVEYED}",
        "KBUILD_KCONFIG": top,
        "KCONFIG_CONFIG": "/build/.ingot-survey.config",
    }
    sandbox.outputs.remove(_SURVEYED)
    try:
        result = _make(sandbox, arch, "listnewconfig", log, environment)
        return OptionTable.of_survey(sandbox.outputs.read(_SURVEYED, _LARGEST_SURVEY))
    except FileNotFoundError:
        raise BuildError(
            "the options of this kernel's Kconfig could not be read",
            why="\n".join(result.output.splitlines()[-_SHOWN:]),
            hint=f"the builder needs python3; the whole output is in {log}",
        ) from None
    finally:
        sandbox.outputs.remove(_SURVEYED)


def edit(
    sandbox: Sandbox, arch: Arch, config: Config, log: Path, terminal: str = "xterm-256color"
) -> Config:
    """Let the user change a `.config` in Kconfig's menu (menuconfig); returns what they saved.

    Needs a terminal; `terminal` is its type (TERM, see terminfo(5)). If the user does not save,
    the config is unchanged.
    """
    complete(sandbox, arch, config, log)
    words = _make_command(sandbox, arch, "menuconfig")
    command = sandbox.command(words, {"TERM": terminal}, interactive=True)
    try:
        run_in_terminal(command)
    except CommandFailedError as error:
        raise BuildError(
            "menuconfig failed",
            why="the builder may not have the library that menuconfig needs, or this terminal is"
            " too small",
            hint=f"the builder needs libncurses-dev; {error.hint}",
        ) from error
    return made_config(sandbox)


def _resolved(sandbox: Sandbox) -> Config:
    """The config that Kconfig wrote; a BuildError if it is not for the builder's compiler.

    A kernel whose make does not know LLVM=1 silently uses gcc.
    """
    config = made_config(sandbox)
    if sandbox.builder.llvm and config.value("CC_IS_CLANG") != "y":
        raise BuildError(
            f"this kernel cannot be compiled with clang, the compiler of the builder"
            f" '{sandbox.builder.name}'",
            why="its make does not know LLVM=1, which was added in 5.7",
            hint="compile it in a builder with gcc",
        )
    return config


def _make(
    sandbox: Sandbox, arch: Arch, target: str, log: Path, env: Mapping[str, str] | None = None
) -> Result:
    """Run one of Kconfig's make targets; its failure is a BuildError."""
    try:
        command = sandbox.command(_make_command(sandbox, arch, target), env)
        return run(command, log=log, inherited=sandbox.inherited)
    except CommandFailedError as error:
        raise BuildError(
            "Kconfig could not resolve the config",
            why="\n".join(error.tail),
            hint=f"the whole output is in {log}; {error.hint}",
        ) from error


def _make_command(sandbox: Sandbox, arch: Arch, target: str) -> list[str]:
    words = make_arguments(arch, llvm=sandbox.builder.llvm)
    return ["make", "-C", "/src", "O=/build", *words, target]
