"""Run the same work for several kernels; a kernel that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import typer

from ingot.catalog import Kernel
from ingot.cli.shared.progress_display import kernel_label
from ingot.cli.shared.terminal import Terminal, Verbosity, print_error, styled, verbosity
from ingot.errors import IngotError, system_error

Failed = tuple[Kernel, IngotError]
_Done = TypeVar("_Done")


def for_each(
    kernels: Sequence[Kernel], work: Callable[[Kernel], _Done], errors: Terminal
) -> tuple[list[_Done], list[Failed]]:
    """The result of each kernel, and the failures. Each error is printed when it occurs.

    The error of a single kernel is not printed here, since `exit_if_failed` raises it.
    """
    done: list[_Done] = []
    failed: list[Failed] = []
    for kernel in kernels:
        if len(kernels) > 1 and verbosity() > Verbosity.QUIET:
            errors.rule(styled(kernel_label(kernel)), align="left")
        try:
            done.append(work(kernel))
        except (IngotError, OSError) as error:
            cause = system_error(error) if isinstance(error, OSError) else error
            failed.append((kernel, cause))
            if len(kernels) > 1:
                print_error(errors, cause)
    return done, failed


def exit_if_failed(errors: Terminal, failed: Sequence[Failed], *, single: bool) -> None:
    """Exit with the code of the first failure, if any; raise it if it is of a `single` kernel."""
    if not failed:
        return
    first = failed[0][1]
    if single:
        raise first
    names = ", ".join(kernel.tag for kernel, _ in failed)
    errors.say(("failed:", "bold red"), f" {names} (each error is above)")
    raise typer.Exit(first.exit_code)
