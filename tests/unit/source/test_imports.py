"""What importing the package may load, and what it may depend on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import ingot.source

PACKAGE = Path(ingot.source.__file__).parent
GROUND = {"errors", "digest", "files", "process", "progress", "version", "source"}


def test_requests_and_debian_are_loaded_late() -> None:
    script = (
        "import sys, ingot.source.obtain, ingot.source.debian, ingot.source.kernel_org,"
        " ingot.source.local\n"
        "sys.exit(bool({'requests', 'urllib3', 'debian'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_only_the_ground_floor_is_imported() -> None:
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ingot."):
                assert str(node.module).split(".")[1] in GROUND, f"{file.name}: {node.module}"
