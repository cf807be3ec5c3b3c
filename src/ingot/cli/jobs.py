"""`ingot jobs`: the jobs of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot.cli.fleet.fleet_options import OneEngine, engine_of
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import Terminal, make_console, print_json, print_line
from ingot.errors import UserError
from ingot.fleet.engine import Engine, JobStatus, State

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import JobsDocument


def jobs(
    on: OneEngine,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="JOB",
            help="Names of jobs (ingot-1a2b3c4d5e6f) or of their kernels (6.1.176). Without any:"
            " all jobs of Ingot that the engine has.",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Print every change until all these jobs have ended."),
    ] = False,
    logs: Annotated[
        bool,
        typer.Option("--logs", help="Print the jobs' logs; with --follow, until a job ends."),
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End these jobs, whoever started them.")
    ] = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Show, follow and cancel the jobs of an engine.

    The engine is asked, and nothing is kept on this machine: jobs that `ingot build --detach` or
    another machine has started are shown as well.
    """
    if cancel and (follow or logs):
        raise UserError("--cancel cannot be used with --follow or --logs", hint="run two commands")
    if cancel and not names:
        raise UserError(
            "--cancel needs the names of jobs",
            why="other people may have started some of the engine's jobs",
            hint=f"`ingot jobs --on {on}` lists them",
        )
    engine = engine_of(on, make_setting(catalog, cache).project)
    chosen = _choose(engine, names or [])
    if cancel:
        engine.cancel([job.name for job in chosen if not job.state.is_final])
    elif logs:
        _print_logs(engine, chosen, follow=follow)
    elif follow:
        for status in engine.watch([job.name for job in chosen]) if chosen else ():
            print_line(_line(status))
    elif as_json:
        print_json(_document(chosen))
    else:
        _print_table(make_console(), chosen)


def _choose(engine: Engine, names: Sequence[str]) -> list[JobStatus]:
    """The engine's jobs with these names, or those of kernels with these names; all without any."""
    present = list(engine.watch(follow=False))
    if not names:
        return present
    chosen = [job for job in present if not {job.name, job.kernel}.isdisjoint(names)]
    known = {word for job in present for word in (job.name, job.kernel)}
    if unknown := [name for name in names if name not in known]:
        raise UserError(
            f"{engine.name} has no job {', '.join(unknown)}",
            why="it ended so long ago that the engine has removed it, or it was never started",
            hint="`ingot jobs` without a name lists all jobs",
        )
    return chosen


def _print_logs(engine: Engine, chosen: Sequence[JobStatus], *, follow: bool) -> None:
    errors = Terminal(stderr=True)
    for job in chosen:
        if len(chosen) > 1:
            errors.rule(job.kernel, align="left")
        for line in engine.logs(job.name, follow=follow):
            print_line(line)


def _print_table(console: Terminal, chosen: Sequence[JobStatus]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("job", "kernel", "arch", "state", "node"):
        table.add_column(title, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for job in chosen:
        table.add_row(job.name, job.kernel, job.arch, job.state.value, job.where, _reason(job))
    console.print(table)


def _line(job: JobStatus) -> str:
    where = f" on {job.where}" if job.where and job.state != State.QUEUED else ""
    reason = f" ({_reason(job)})" if _reason(job) else ""
    return f"{job.name} {job.kernel} {job.state.value}{where}{reason}"


def _reason(job: JobStatus) -> str:
    code = f"exit code {job.exit_code}" if job.exit_code is not None else ""
    return ", ".join(part for part in (job.reason, code) if part)


def _document(chosen: Sequence[JobStatus]) -> JobsDocument:
    return {
        "jobs": [
            {
                "job": job.name,
                "kernel": job.kernel,
                "arch": job.arch,
                "state": job.state.value,
                "node": job.where,
                "reason": job.reason or None,
                "exit_code": job.exit_code,
                "attempts": job.attempts,
            }
            for job in chosen
        ]
    }
