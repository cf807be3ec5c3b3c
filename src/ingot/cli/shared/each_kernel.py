"""The same work for several kernels: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import typer

from ingot.catalog import Kernel
from ingot.cli.shared.progress_display import kernel_label
from ingot.cli.shared.terminal import Terminal, print_error, styled
from ingot.errors import IngotError, told_by_the_system

Failed = tuple[Kernel, IngotError]
_Done = TypeVar("_Done")


def for_each(
    kernels: Sequence[Kernel], work: Callable[[Kernel], _Done], errors: Terminal
) -> tuple[list[_Done], list[Failed]]:
    """What came of each kernel, and those that failed; each error is told where it happens.

    The only kernel's is not: `end_badly` raises it.
    """
    done: list[_Done] = []
    failed: list[Failed] = []
    for kernel in kernels:
        if len(kernels) > 1:
            errors.rule(styled(kernel_label(kernel)), align="left")
        try:
            done.append(work(kernel))
        except (IngotError, OSError) as error:
            told = told_by_the_system(error) if isinstance(error, OSError) else error
            failed.append((kernel, told))
            if len(kernels) > 1:
                print_error(errors, told)
    return done, failed


def end_badly(errors: Terminal, failed: Sequence[Failed], *, alone: bool) -> None:
    """End with the code of the first failure, if there is any; `alone` it is told as ever."""
    if not failed:
        return
    first = failed[0][1]
    if alone:
        raise first
    names = ", ".join(kernel.tag for kernel, _ in failed)
    errors.say(("failed:", "bold red"), f" {names} (each error is above)")
    raise typer.Exit(first.exit_code)


def failed_document(failed: Sequence[Failed]) -> list[dict[str, object]]:
    """The failures for a script."""
    return [
        {
            "version": str(kernel.version),
            "arch": kernel.arch.name,
            "flavor": kernel.flavor.name,
            "error": str(error),
        }
        for kernel, error in failed
    ]
