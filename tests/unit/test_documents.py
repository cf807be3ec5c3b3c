"""Documents and templates: links lead somewhere, forms have the form that GitHub reads."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import catalog
from tests.support.places import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
FORMS = sorted((REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def name_of(path: Path) -> str:
    return path.name


def anchors(path: Path) -> set[str]:
    """What GitHub calls the headings of a document in a link."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path: Path, text: str) -> Iterator[str]:
    """Links to files or headings that do not exist."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    assert list(broken(path, path.read_text(encoding="utf-8"))) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# One thing: here\n")
    text = "[a](#one-thing-here) [b](a.md#one-thing-here) [c](https://x) [d](b.md) [e](#two)"
    assert list(broken(path, text)) == ["b.md", "#two"]


def test_the_cost_of_a_boot_is_one_figure_on_every_page() -> None:
    """Virtual time is instructions in nanoseconds, and not the time of the kernel's log."""
    readme, boot = (
        (REPOSITORY / name).read_text(encoding="utf-8") for name in ("README.md", "docs/boot.md")
    )
    claim = r"after (\d+) million instructions, which are ([\d.]+) s of virtual\s+time"
    (stated,) = re.findall(claim, readme)
    rows = re.findall(r"^\| (.*?) \| ([\d,]+) million \| ([\d.]+) s \|", boot, re.MULTILINE)
    assert ("Ingot's default 6.1.176", *stated) in rows
    for name, millions, seconds in rows:
        assert int(millions.replace(",", "")) == round(float(seconds) * 1000), name
    budget = min(
        budget.instructions
        for budget in catalog.load(REPOSITORY / "kernels").budgets
        if str(budget.series) == "6.1" and budget.instructions
    )
    assert int(stated[0]) * 1_000_000 <= budget


@pytest.mark.parametrize("path", FORMS, ids=name_of)
def test_forms_of_issues_are_of_the_form_that_github_reads(path: Path) -> None:
    kind = "config" if path.name == "config.yml" else "forms"
    program = Path(sys.executable).with_name("check-jsonschema")
    argv = [str(program), "--builtin-schema", f"vendor.github-issue-{kind}", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
