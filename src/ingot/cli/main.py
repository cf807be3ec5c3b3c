"""Runs the verb that a command line names, and turns errors into messages and exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingot import __version__
from ingot.cli.shared.global_options import QUIET_HELP, VERBOSE_HELP, begin, forget
from ingot.cli.shared.terminal import Terminal, prepare, print_error, print_line
from ingot.cli.verbs import IngotVerbs
from ingot.errors import EXIT_CODES, IngotError, system_error

app = typer.Typer(
    name="ingot",
    cls=IngotVerbs,
    help="Build Linux kernels for microVMs and ship them as small OCI images.\n\n"
    "`ingot build 6.1` verifies the source of the newest 6.1 kernel in the catalog, compiles it in"
    " a sandbox, boots it, and writes its images to images/: flintlock-kernel, kernel-bin,"
    " kernel-modules, kernel-debug and kernel-devel.",
    epilog="KERNEL is a version or series of the catalog (6.1, 6.1.176-minimal). IMAGE is an image"
    " of the store (kernel-bin:6.1) or of a registry (HOST/kernel-bin:6.1, with a slash). A file"
    " whose name looks like a kernel or an image is written ./FILE.\n\n"
    "The exit codes are:\n\n"
    + "\n\n".join(f"- {code}: {text}" for code, text in EXIT_CODES.items()),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_line(f"ingot {__version__}")
        raise typer.Exit


@app.callback()
def ingot(
    ctx: typer.Context,
    catalog: Annotated[
        Path | None,
        typer.Option(
            "--catalog",
            metavar="DIR",
            envvar="INGOT_CATALOG",
            help="The catalog directory, for every command that uses a catalog.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=QUIET_HELP)] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=VERBOSE_HELP)] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options that go before the verb; all but the version can also go after it."""
    ctx.call_on_close(forget)
    begin(catalog, quiet=quiet, verbose=verbose)


def run_command_line() -> int:
    """Run the verb of the command line; returns 0 for success, else the exit code of the error."""
    prepare()
    try:
        app(prog_name="ingot")
    except IngotError as error:
        return _report(error)
    except BrokenPipeError:
        raise  # the reader closed the pipe: not an error, and there is no one to report it to
    except OSError as error:
        return _report(system_error(error))
    except SystemExit as end:  # typer ends so, also after a mistake in the command line
        return end.code if isinstance(end.code, int) else 0
    return 0


def _report(error: IngotError) -> int:
    print_error(Terminal(stderr=True), error)
    return error.exit_code
