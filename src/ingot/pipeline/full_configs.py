"""Full configs of a catalog: written by hand, or lock files for fragments.

`ingot config resolve` writes a lock file. Its first line has the digest of its fragments.
"""

from __future__ import annotations

from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.kconfig import Config
from ingot.pipeline.kernel_plan import Plan

_HEADER = "# Resolved by Ingot; `ingot config resolve` renews it. Fragments: "


def read_full_config(path: Path) -> Config:
    """The full config in a file; a UserError if it is not text."""
    try:
        return Config(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(
            f"the full config {path} is not UTF-8 text",
            hint="replace it with a .config, or remove it",
        ) from None


def is_lock(given: Config) -> bool:
    """Whether Ingot wrote the full config."""
    return given.text.startswith(_HEADER)


def written_by_hand(path: Path) -> bool:
    """Whether the full config exists and was not written by Ingot."""
    return path.is_file() and not is_lock(read_full_config(path))


def lock_text(plan: Plan, config: Config) -> str:
    """The text of the lock file for a plan whose config was resolved."""
    return f"{_first_line(plan)}\n{config.text}"


def require_usable(plan: Plan) -> None:
    """UserError for a full config that is wrong in itself: found before a source is fetched.

    That is one without options, and a lock file whose fragments have changed.
    """
    if plan.full_config is None:
        return
    given = read_full_config(plan.full_config)
    if not given.options:
        raise UserError(
            f"the full config {plan.full_config} has no options",
            hint="put a complete .config there, or remove the file to build from the fragments",
        )
    if is_lock(given):
        require_fresh(plan, plan.full_config, given)


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
    return f"{_HEADER}{Digest.of(plan.fragments_text.encode())}"
