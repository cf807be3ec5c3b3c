"""The table of engines, by the names that `--on` takes.

The module of an engine is imported when it is used: the client library of a cluster is large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingot.errors import UserError
from ingot.fleet.engine import Engine
from ingot.fleet.fleet_settings import FleetSettings


def _open_local(settings: FleetSettings) -> Engine:
    from ingot.fleet.local.local_engine import open_local

    return open_local(settings)


def _open_kubernetes(settings: FleetSettings) -> Engine:
    from ingot.fleet.kubernetes.kubernetes_engine import open_kubernetes

    return open_kubernetes(settings)


def _open_slurm(settings: FleetSettings) -> Engine:
    from ingot.fleet.slurm.slurm_engine import open_slurm

    return open_slurm(settings)


ENGINES: Mapping[str, Callable[[FleetSettings], Engine]] = {
    "local": _open_local,
    "kubernetes": _open_kubernetes,
    "slurm": _open_slurm,
}
"""A function for each engine that opens it with the user's settings."""


def open_engine(name: str, settings: FleetSettings) -> Engine:
    """The engine `name`; a UserError if there is none of this name, or its settings are wrong."""
    if name not in ENGINES:
        raise UserError(
            f"there is no engine '{name}'",
            hint=f"pass one of these to --on: {', '.join(ENGINES)}",
        )
    return ENGINES[name](settings)
