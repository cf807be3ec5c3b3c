"""What tests share is in `tests/support`: no test module imports from another one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.imports import imported
from tests.support.places import REPOSITORY

TESTS = REPOSITORY / "tests"


def unshared(text: str, path: Path) -> list[str]:
    """What a file imports of the tests that is not in `tests/support`, as messages."""
    return [
        f"{path.relative_to(REPOSITORY)}:{line} imports {name}: move it to tests/support"
        for line, name in imported(ast.parse(text), path.relative_to(REPOSITORY).parts[:-1])
        if name.split(".")[0] == "tests" and name.split(".")[1:2] != ["support"]
    ]


def test_tests_import_from_support_only() -> None:
    paths = sorted(TESTS.rglob("*.py"))
    assert paths
    assert [
        message for path in paths for message in unshared(path.read_text(encoding="utf-8"), path)
    ] == []


def test_support_holds_no_tests() -> None:
    assert list((TESTS / "support").rglob("test_*.py")) == []
    assert list((TESTS / "support").rglob("conftest.py")) == []


@pytest.mark.parametrize(
    "text",
    [
        "from tests.unit.test_elf import KERNEL",
        "from tests.unit.conftest import digest",
        "from tests.unit import conftest",
        "from tests import unit",
        "import tests.unit.conftest",
        "from .conftest import digest",
        "from . import conftest",
        "def later():\n    from ..conftest import digest",
    ],
)
def test_an_import_from_another_test_module_is_found(text: str) -> None:
    assert unshared(text, TESTS / "unit" / "oci" / "test_example.py") != []


@pytest.mark.parametrize(
    "text", ["from tests.support.digests import digest", "from tests.support import fakes"]
)
def test_an_import_from_support_is_fine(text: str) -> None:
    assert unshared(text, TESTS / "unit" / "test_example.py") == []
