"""The program: its verbs, and how it ends."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from rich.console import Console

from ingot.cli import boot, build, builder, doctor, export, inspect, list_kernels, prune, push
from ingot.cli.render import print_error
from ingot.errors import IngotError

_INTERRUPTED = 130

app = typer.Typer(
    name="ingot",
    help="Build Linux kernels for microVMs and ship them as small OCI images.\n\n"
    "`ingot build 6.1` takes the verified source of the newest 6.1 kernel of the catalog,"
    " compiles it in a sandbox, boots it, and leaves three images in images/: flintlock-kernel,"
    " kernel-bin and kernel-modules.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("list")(list_kernels.list_kernels)
app.command()(build.build)
app.command()(inspect.inspect)
app.command()(boot.boot)
app.command()(export.export)
app.command()(push.push)
app.command()(builder.builder)
app.command()(doctor.doctor)
app.command()(prune.prune)


def main() -> NoReturn:
    """Run the command line and exit: 0 for success, else the error's own code."""
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except typer.Exit as exit_:
        code = exit_.exit_code
    except (KeyboardInterrupt, typer.Abort):
        console.print("interrupted; run the same command again to go on")
        code = _INTERRUPTED
    except IngotError as error:
        print_error(console, error)
        code = error.exit_code
    except typer.BadParameter as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code or 0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
