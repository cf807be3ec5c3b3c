"""The verbs of the program, and how errors end it."""

from __future__ import annotations

import typer

from ingot.cli import (
    add,
    build,
    builder,
    config,
    containerfile,
    diff,
    doctor,
    export,
    fetch,
    init,
    inspect,
    list_kernels,
    matrix,
    module,
    prune,
    push,
    report,
    require,
    spec,
    update,
)
from ingot.cli.boot import boot
from ingot.cli.shared.progress_display import print_error
from ingot.cli.shared.terminal import Terminal, prepare
from ingot.errors import IngotError, system_error

app = typer.Typer(
    name="ingot",
    help="Build Linux kernels for microVMs and ship them as small OCI images.\n\n"
    "`ingot build 6.1` takes the verified source of the newest 6.1 kernel of the catalog,"
    " compiles it in a sandbox, boots it, and leaves its images in images/: flintlock-kernel,"
    " kernel-bin, kernel-modules, kernel-debug and kernel-devel.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("list")(list_kernels.list_kernels)
app.command()(fetch.fetch)
app.command()(build.build)
app.command()(inspect.inspect)
app.command()(diff.diff)
app.command()(boot.boot)
app.command()(export.export)
app.command()(containerfile.containerfile)
app.command()(export.pull)
app.command()(push.push)
app.command()(spec.spec)
app.command()(require.require)
app.command()(report.report)
app.command()(add.add)
app.command()(update.update)
app.command()(matrix.matrix)
app.command()(init.init)
app.add_typer(config.app)
app.add_typer(builder.app)
app.add_typer(module.app)
app.command()(doctor.doctor)
app.command()(prune.prune)


def run_command_line() -> int:
    """Run what the command line asks for; returns 0 for success, else the error's own code."""
    prepare()
    try:
        app(prog_name="ingot")
    except IngotError as error:
        return _report(error)
    except BrokenPipeError:
        raise  # nobody reads the output any more: no fault, and nobody to tell
    except OSError as error:
        return _report(system_error(error))
    except SystemExit as end:  # how typer ends, also after a mistake in the command line
        return end.code if isinstance(end.code, int) else 0
    return 0


def _report(error: IngotError) -> int:
    print_error(Terminal(stderr=True), error)
    return error.exit_code
