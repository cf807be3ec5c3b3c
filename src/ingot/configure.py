"""From fragments to a full `.config`, resolved by the kernel's own Kconfig and checked.

`allnoconfig` with the merged fragments (kernel: Documentation/kbuild/kconfig.rst,
KCONFIG_ALLCONFIG) keeps every enabled option one that somebody asked for or that something
asked for needs. Kconfig drops what it cannot satisfy without a word; here that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.errors import BuildError, UserError
from ingot.files import disk_errors
from ingot.kconfig import Mismatch, Request
from ingot.process import CommandFailedError, run

_SHOWN = 20


def resolve(
    sandbox: Sandbox, arch: Arch, requests: Mapping[str, Request], series: str, log: Path
) -> str:
    """The text of the resolved `.config`, which is also left in the build folder.

    A request that did not survive is a UserError that names it, its fragment and line.
    """
    with disk_errors(sandbox.build):
        (sandbox.build / "fragments.config").write_text(kconfig.render(requests))
    words = ["make", "-C", "/src", "O=/build", f"ARCH={arch.make}", "allnoconfig"]
    command = sandbox.command(words, {"KCONFIG_ALLCONFIG": "/build/fragments.config"})
    try:
        run(command, log=log)
    except CommandFailedError as error:
        raise BuildError(
            "Kconfig could not resolve the config",
            why="\n".join(error.tail),
            hint=f"the whole output is in {log}; {error.hint}",
        ) from error
    text = (sandbox.build / ".config").read_text(encoding="utf-8")
    config = kconfig.parse_config(text)
    if mismatches := kconfig.compare(requests, config):
        raise UserError(
            f"{_count(len(mismatches))} asked for did not survive Kconfig in {series}",
            why="\n".join(
                _explain(mismatch, sandbox.source, arch, config) for mismatch in mismatches[:_SHOWN]
            )
            + (f"\nand {len(mismatches) - _SHOWN} more" if len(mismatches) > _SHOWN else ""),
            hint="ask for what the option depends on as well, drop it, or bound it to the series"
            " that have it: CONFIG_X=y  # since 5.17",
        )
    return text


def _explain(mismatch: Mismatch, tree: Path, arch: Arch, config: Mapping[str, str]) -> str:
    """One mismatch in one line: what, who asked, and the likely cause."""
    request = mismatch.request
    found = kconfig.find_dependencies(tree, request.option, arch.make)
    if found is None:
        cause = "no such option in this series"
    elif found:
        cause = f"it depends on {_with_values(' && '.join(found), config)}"
    else:
        cause = "the menu around it is off, or another option selects it"
    return (
        f"{request.place}: CONFIG_{request.option} wanted {request.value}, got {mismatch.got}:"
        f" {cause}"
    )


def _with_values(expression: str, config: Mapping[str, str]) -> str:
    """A Kconfig expression with the value that each symbol came out with."""
    words = []
    for word in expression.replace("(", "( ").replace(")", " )").split():
        name = word.lstrip("!")
        known = re.fullmatch(r"[A-Z0-9_]+", name)
        words.append(f"{word} (={config.get(name, 'n')})" if known else word)
    return " ".join(words).replace("( ", "(").replace(" )", ")")


def _count(number: int) -> str:
    return "1 option" if number == 1 else f"{number} options"
