"""The engine `slurm`."""

from __future__ import annotations

from ingot.errors import UserError
from ingot.fleet.engine import Engine
from ingot.fleet.fleet_settings import FleetSettings


def open_slurm(settings: FleetSettings) -> Engine:
    raise UserError("the engine slurm is not written yet", hint=f"see {settings.cache}")
