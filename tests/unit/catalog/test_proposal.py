"""What new versions would change is seen before it is written."""

from __future__ import annotations

import dataclasses
import datetime

from ingot import catalog
from ingot.catalog import Catalog, NewVersion, propose
from ingot.digest import Digest
from ingot.version import KernelVersion
from tests.support.catalogs import SMALL

NEW = NewVersion(
    KernelVersion.parse("6.12.3"), {"debian": Digest("cd" * 32)}, datetime.date(2028, 12, 31)
)


def test_a_proposal_is_a_catalog_of_which_nothing_is_written(small: Catalog) -> None:
    proposal = propose(small, [NEW])
    (kernel,) = proposal.catalog.select(["6.12"])
    assert (kernel.pins, kernel.end_of_life) == (NEW.pins, NEW.end_of_life)
    assert proposal.catalog.requests(kernel) == {}
    assert small.file.read_text() == SMALL
    proposal.write()
    assert catalog.load(small.root) == proposal.catalog


def test_its_difference_can_be_read(small: Catalog) -> None:
    readme = small.root.parent / "README.md"
    readme.write_text("# Ours\n<!-- kernels: begin -->\n<!-- kernels: end -->\n")
    lines = propose(small, [NEW]).diff().splitlines()
    assert "--- a/kernels/kernels.toml" in lines
    assert "+++ b/README.md" in lines
    assert '+[series."6.12".versions."6.12.3".sha256]' in lines
    assert any(line.startswith("+| 6.12 | `6.12.3` |") for line in lines)
    assert not [line for line in lines if line.startswith("-") and not line.startswith("---")]


def test_a_file_that_is_new_is_told_as_such(small: Catalog) -> None:
    path = small.root / "configs" / "new.config"
    proposal = dataclasses.replace(propose(small, []), files={path: "CONFIG_A=y\n"})
    assert proposal.diff().splitlines() == [
        *("--- /dev/null", "+++ b/kernels/configs/new.config", "@@ -0,0 +1 @@", "+CONFIG_A=y")
    ]
    proposal.write()
    assert path.read_text() == "CONFIG_A=y\n"


def test_several_versions_make_one_proposal(small: Catalog) -> None:
    more = NewVersion(KernelVersion.parse("6.1.177"))
    found = propose(small, [NEW, more]).catalog
    assert [kernel.tag for kernel in found.select(["6.12", "6.1"])] == ["6.12.3", "6.1.177"]


def test_what_is_there_changes_nothing(small: Catalog) -> None:
    proposal = propose(small, [NewVersion(KernelVersion.parse("6.1.176"))])
    assert proposal.files == {}
    assert proposal.diff() == ""
