"""The engine `local`: jobs are processes on this machine."""

from __future__ import annotations

from ingot.errors import UserError
from ingot.fleet.engine import Engine
from ingot.fleet.fleet_settings import FleetSettings


def open_local(settings: FleetSettings) -> Engine:
    raise UserError("the engine local is not written yet", hint=f"see {settings.catalog}")
