"""The engine `kubernetes`."""

from __future__ import annotations

from ingot.errors import UserError
from ingot.fleet.engine import Engine
from ingot.fleet.fleet_settings import FleetSettings


def open_kubernetes(settings: FleetSettings) -> Engine:
    raise UserError("the engine kubernetes is not written yet", hint=f"see {settings.cache}")
