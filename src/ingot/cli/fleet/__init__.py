"""`ingot fleet`: what a fleet of machines needs. A file per verb."""

from __future__ import annotations

import typer

from ingot.cli.shared.verb_group import Verb, VerbCode, VerbGroup


class _FleetVerbs(VerbGroup):
    """The verbs of `ingot fleet`."""

    verbs = (
        Verb("manifest", "Print the Kubernetes manifests of the jobs that a build would submit."),
        Verb("job", "Build the kernel of one recipe and push it; a fleet's machines run this."),
    )

    @staticmethod
    def code_of(name: str) -> VerbCode:
        match name:
            case "manifest":
                from ingot.cli.fleet.fleet_manifest import manifest

                return manifest
            case "job":
                from ingot.cli.fleet.fleet_job import job

                return job
        raise KeyError(name)


app = typer.Typer(
    name="fleet",
    cls=_FleetVerbs,
    help="Build kernels on many machines.\n\n"
    "`ingot build --on ENGINE` starts jobs on an engine, and `ingot jobs` shows them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
