"""Imports go one way, from higher floors to lower, and the outside world has few doors.

Source files are read, not run, so that an import within a function counts like any other.
"""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.imports import imported
from tests.support.places import REPOSITORY

SOURCE = REPOSITORY / "src" / "ingot"

FLOORS = (
    ("directory_walk", "errors", "web"),
    ("suggestions",),
    (
        "arch",
        "digest",
        "elf",
        "environment",
        "files",
        "printable",
        "progress",
        "toml",
        "units",
        "version",
    ),
    (
        "confined_files",
        "kernel_file",
        "keyring",
        "program_output",
        "pseudoterminal",
        "write_access",
    ),
    ("process",),
    (
        "apt",
        "compiled_files",
        "git_program",
        "kconfig",
        "recipe",
        "root_file_systems",
        "size_map",
        "tools",
    ),
    ("catalog", "oci", "workspace"),
    ("builder", "source"),
    ("compile", "configure"),
    ("boot", "images", "registry"),
    ("build_record", "compiled_artifact", "operands", "setting"),
    ("trust",),
    ("cves", "lab", "publish"),
    ("kernel_cves", "pipeline"),
    (
        "changes",
        "comparison",
        "fixed_cves",
        "housekeeping",
        "image_lookup",
        "inventory",
        "new_versions",
        "report",
        "reproduction",
        "specs",
    ),
    ("api", "fleet"),
    ("cli",),
    ("__main__",),
)
"""What a module may import: its own package, and what stands on a floor above its own line."""

FLOOR_OF = {unit: floor for floor, units in enumerate(FLOORS) for unit in units}

STRANGERS = {
    ("source", "oci"): "a source is a tree; that images exist is none of its business",
    ("oci", "source"): "images as such know no kernels",
    ("oci", "version"): "images as such know no kernels",
    ("oci", "arch"): "images as such know platforms, which kernels' arches are named after",
    ("compile", "oci"): "a compile leaves files; what becomes of them is decided above it",
    ("configure", "oci"): "a config is a file; what becomes of it is decided above",
}
"""Pairs that the floors would allow, and why one must not know the other."""

OUTSIDE = {
    "os.environ": "the environment",
    "os.getenv": "the environment",
    "os.path.expanduser": "the home directory",
    "pathlib.Path.home": "the home directory",
    "pathlib.Path.cwd": "the current directory",
    "os.getcwd": "the current directory",
    "time.time": "the clock",
    "time.time_ns": "the clock",
    "time.localtime": "the clock and the time zone",
    "datetime.datetime.now": "the clock",
    "datetime.datetime.utcnow": "the clock",
    "datetime.datetime.today": "the clock",
    "datetime.date.today": "the clock",
}
"""What only the command line reads. `time.monotonic` measures durations and is no clock."""

EXCEPTIONS = {
    ("process", "os.environ"): "programs see of it what `environment` lists for each",
}

STARTERS = (
    *("subprocess", "multiprocessing", "asyncio", "pty"),
    *("os.system", "os.popen", "os.fork", "os.exec", "os.spawn", "os.posix_spawn"),
)
"""What another program or process can be started with."""

SCRIPTS = {SOURCE / "kconfig" / "survey.py"}
"""What runs in the builder, by the builder's Python, and is never imported."""

MODULES = sorted(set(SOURCE.rglob("*.py")) - SCRIPTS)


def unit_of(path: Path) -> str:
    """The module or package on a floor that a file belongs to; empty for `ingot` itself."""
    first = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def package_of(path: Path) -> tuple[str, ...]:
    return ("ingot", *path.relative_to(SOURCE).parts[:-1])


def units_imported(tree: ast.Module, path: Path) -> Iterator[tuple[int, str]]:
    """Line and floor unit of everything of Ingot's that is imported."""
    for line, name in imported(tree, package_of(path)):
        words = name.split(".")
        if words[0] == "ingot" and words[1:] not in ([], ["__version__"]):
            yield line, words[1]


def room_of(path: Path) -> str:
    """The package below the top one that a file is in, or the module that it is there itself."""
    return path.relative_to(SOURCE).parts[1].removesuffix(".py")


def rooms_imported(path: Path) -> set[str]:
    """The rooms of its own top package that a file imports."""
    package = path.relative_to(SOURCE).parts[0]
    names = (name.split(".") for _, name in imported(parse(path), package_of(path)))
    found = {words[2] for words in names if words[:2] == ["ingot", package] and len(words) > 2}
    rooms = {room_of(each) for each in (SOURCE / package).rglob("*.py")}
    return found & rooms - {"__init__"}


def used(tree: ast.Module, path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported or reached through what is imported."""
    meaning = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                meaning[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    yield from imported(tree, package_of(path))
    for node in ast.walk(tree):
        words: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            words.insert(0, inner.attr)
            inner = inner.value
        if words and isinstance(inner, ast.Name) and inner.id in meaning:
            assert isinstance(node, ast.Attribute)
            yield node.lineno, ".".join([meaning[inner.id], *words])


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def upward(tree: ast.Module, path: Path) -> list[str]:
    """The imports of a file that do not go down, as messages."""
    unit = unit_of(path)
    return [
        f"{name_of(path)}:{line} imports {other}, which is not below {unit}"
        for line, other in units_imported(tree, path)
        if other != unit and FLOOR_OF[other] >= FLOOR_OF[unit]
    ]


def outside(tree: ast.Module, path: Path) -> list[str]:
    """What a file reads that only the command line may, as messages."""
    unit = unit_of(path)
    return [
        f"{name_of(path)}:{line} reads {OUTSIDE[name]} ({name})"
        for line, name in used(tree, path)
        if name in OUTSIDE and (unit, name) not in EXCEPTIONS
    ]


def test_every_module_stands_on_a_floor() -> None:
    assert MODULES
    there = {unit_of(path) for path in MODULES} - {""}
    assert there - set(FLOOR_OF) == set(), "give it a floor in FLOORS"
    assert set(FLOOR_OF) - there <= {"apt"}, "it is gone: take it out of FLOORS"


def floors_in(page: str) -> list[tuple[str, ...]]:
    """The floors of the table in a page: its rows, some of which are several, divided by `;`."""
    start = page.index("| floor | modules |")
    rows = itertools.takewhile(lambda line: line.startswith("|"), page[start:].splitlines()[2:])
    return [
        tuple(sorted(re.findall(r"`(\w+)/?`", part)))
        for row in rows
        for part in row.split("|")[2].split(";")
    ]


def test_the_page_on_the_architecture_shows_these_floors() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert floors_in(page) == [tuple(sorted(units)) for units in FLOORS if units != ("__main__",)]


def test_directories_in_the_page_are_packages() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {unit for floor in floors_in(page) for unit in floor if f"`{unit}/`" in page}
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert named == packages & set(FLOOR_OF)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    if not unit_of(path):
        pytest.skip("the package itself, which imports nothing: see below")
    assert upward(parse(path), path) == []


@pytest.mark.parametrize("package", ["boot", "cli", "source"])
def test_the_rooms_of_a_package_form_no_circle(package: str) -> None:
    needs: dict[str, set[str]] = {}
    for path in (SOURCE / package).rglob("*.py"):
        needs.setdefault(room_of(path), set()).update(rooms_imported(path) - {room_of(path)})
    assert len(needs) > 2
    list(TopologicalSorter(needs).static_order())  # raises CycleError


def test_the_package_itself_imports_nothing_until_it_is_asked() -> None:
    path = SOURCE / "__init__.py"
    assert {unit for _, unit in units_imported(parse(path), path)} == {"api"}
    script = (
        "import sys, ingot\n"
        "assert ingot.__version__ and dir(ingot)\n"
        "loaded = [name for name in sys.modules if name.startswith('ingot.')]\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_strangers_stay_strangers(path: Path) -> None:
    found = [
        f"{name_of(path)}:{line} imports {other}: {STRANGERS[unit_of(path), other]}"
        for line, other in units_imported(parse(path), path)
        if (unit_of(path), other) in STRANGERS
    ]
    assert found == []


def test_one_module_starts_programs() -> None:
    found = {
        name_of(path)
        for path in MODULES
        for _, name in used(parse(path), path)
        if name.startswith(STARTERS)
    }
    assert found == {"process.py"}


def test_nothing_is_imported_behind_the_readers_back() -> None:
    found = [
        f"{name_of(path)}:{line} {name}"
        for path in MODULES
        for line, name in used(parse(path), path)
        if name.startswith("importlib")
    ]
    found += [name_of(path) for path in MODULES if "__import__" in path.read_text(encoding="utf-8")]
    assert found == []


@pytest.mark.parametrize("path", [p for p in MODULES if unit_of(p) != "cli"], ids=name_of)
def test_only_the_command_line_reads_environment_home_and_clock(path: Path) -> None:
    assert outside(parse(path), path) == []


# The checks above check something


@pytest.mark.parametrize(
    "text",
    [
        "import ingot.pipeline",
        "from ingot import pipeline",
        "from ingot.pipeline import build",
        "from ingot.builder.sandbox import Sandbox",
        "from ..pipeline import build",
        "from .. import pipeline",
        "def later():\n    from ingot import pipeline",
        "if TYPE_CHECKING:\n    from ingot.images import BASE",
    ],
)
def test_an_import_that_goes_up_or_sideways_is_seen(text: str) -> None:
    assert upward(ast.parse(text), SOURCE / "source" / "example.py") != []


@pytest.mark.parametrize(
    "text",
    [
        "from ingot import __version__",
        "from ingot import files, version",
        "from ingot.source import cache",
        "from . import cache",
        "from .cache import SourceCache",
        "from ..digest import Digest",
        "import os",
    ],
)
def test_an_import_that_goes_down_or_stays_is_fine(text: str) -> None:
    assert upward(ast.parse(text), SOURCE / "source" / "example.py") == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ.get('HOME')",
        "import os as system\nsystem.environ['HOME']",
        "from os import environ\nenviron",
        "from pathlib import Path\ndef f():\n    return Path.home()",
        "import pathlib\npathlib.Path.home()",
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
        "import datetime\ndatetime.date.today()",
        "import time\ntime.time()",
    ],
)
def test_a_look_outside_is_seen(text: str) -> None:
    assert outside(ast.parse(text), SOURCE / "example.py") != []


def test_durations_and_given_times_are_no_look_outside() -> None:
    text = "import time\nfrom datetime import datetime\ntime.monotonic()\ndatetime.fromtimestamp(0)"
    assert outside(ast.parse(text), SOURCE / "example.py") == []
