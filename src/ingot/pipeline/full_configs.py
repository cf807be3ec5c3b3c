"""Reads and checks the full configs of a catalog: written by hand, or lock files for fragments."""

from __future__ import annotations

from pathlib import Path

from ingot.catalog import LOCK_HEADER, full_config_text
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.kconfig import Config
from ingot.pipeline.kernel_plan import Plan


def read_full_config(path: Path) -> Config:
    """The full config in a file; a UserError if it is not text."""
    return Config(full_config_text(path))


def is_lock(given: Config) -> bool:
    """Whether Ingot wrote the full config."""
    return given.text.startswith(LOCK_HEADER)


def lock_text(plan: Plan, config: Config) -> str:
    """The text of the lock file for a plan whose config was resolved."""
    return f"{_first_line(plan)}\n{config.text}"


def require_usable(plan: Plan) -> None:
    """UserError for a full config that is wrong in itself: found before a source is fetched.

    That is one without options, or with values that Kconfig cannot read, and a lock file whose
    fragments have changed.
    """
    if plan.full_config is None:
        return
    from ingot.kconfig.config_mistakes import require_values  # here: few catalogs have any

    given = read_full_config(plan.full_config)
    if not given.options:
        raise UserError(
            f"the full config {plan.full_config} has no options",
            hint="put a complete .config there, or remove the file to build from the fragments",
        )
    require_values(given, full_config_name(plan.full_config))
    if is_lock(given):
        require_fresh(plan, plan.full_config, given)


def full_config_name(path: Path) -> str:
    """The name of a full config in messages."""
    return f"{path.parent.name}/{path.name}"


def require_fresh(plan: Plan, path: Path, given: Config) -> None:
    """UserError for a lock file whose fragments have changed since it was written."""
    if given.text.splitlines()[0] != _first_line(plan):
        raise UserError(
            f"{path} no longer matches its fragments",
            why="a fragment has changed since the file was resolved from it",
            hint=f"run `ingot config resolve {plan.kernel.tag}` and review the difference, or"
            " remove the file to build from the fragments",
        )


def _first_line(plan: Plan) -> str:
    return f"{LOCK_HEADER}{Digest.of(plan.fragments_text.encode())}"
