"""The options that the verbs of a fleet share, and the objects made from their values."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ingot.environment import seen_by_ingot
from ingot.errors import UserError
from ingot.fleet.engine import Engine
from ingot.fleet.engines import ENGINES, open_engine
from ingot.fleet.fleet_settings import FleetSettings, load_fleet_settings
from ingot.registry import Registry, check_registry
from ingot.setting import Project

OneEngine = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="ENGINE",
        envvar="INGOT_ENGINE",
        help=f"The engine that runs the jobs: {', '.join(ENGINES)}.",
        show_default=False,
    ),
]
JobRegistry = Annotated[
    str,
    typer.Option(
        "--registry",
        metavar="HOST[/PATH]",
        envvar="REGISTRY",
        help="The registry that jobs push to.",
        show_default=False,
    ),
]


def settings_of(project: Project) -> FleetSettings:
    """The settings of the project's fleet, and this machine's part of them."""
    return load_fleet_settings(
        project.catalog.root,
        cache=project.workspace.root,
        store=project.layout.root,
        program=(sys.executable, "-m", "ingot"),
        environment=seen_by_ingot(os.environ),
        build_dir=project.workspace.build_root,
    )


def engine_of(name: str, project: Project) -> Engine:
    """The engine of this name, with the project's settings."""
    return open_engine(name, settings_of(project))


def target_of(registry: str | None, *, insecure: bool) -> Registry:
    """The registry that jobs push to; a UserError if none is named."""
    if not registry:
        raise UserError(
            "--on needs a registry",
            why="the jobs of an engine put their results there, whatever machine they run on",
            hint="pass --registry HOST[/PATH], or set REGISTRY",
        )
    return Registry(check_registry(registry), insecure)
