"""A full config that is wrong in itself is refused before a source is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.pipeline.full_configs import require_usable
from ingot.pipeline.kernel_plan import Plan, make_plan
from tests.support.catalogs import load

_LOCK = "# Resolved by Ingot; `ingot config resolve` renews it. Fragments: "


def plan_with(root: Path, text: str) -> Plan:
    """The plan of a kernel for which the catalog has a full config of this text."""
    found = load(root)
    (kernel,) = found.select(["6.1.176"])
    path = found.config_file(kernel)
    path.parent.mkdir()
    path.write_text(text)
    return make_plan(found, kernel)


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_a_full_config_without_options_is_one_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="has no options"):
        require_usable(plan_with(tmp_path, text))


def test_a_lock_file_whose_fragments_have_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no longer matches its fragments"):
        require_usable(plan_with(tmp_path, f"{_LOCK}sha256:{'0' * 64}\nCONFIG_A=y\n"))


def test_a_config_by_hand_is_left_to_kconfig(tmp_path: Path) -> None:
    require_usable(plan_with(tmp_path, "CONFIG_A=y\n"))
