"""Stand-ins for programs: put first on the PATH, and told what to do by a file beside them.

Ingot hands no environment on to the programs that it starts, so a stand-in reads `settings.json`
in its own directory: where to record how it was started (`FAKE_RECORD`), and what the test wants of
it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

_SETTINGS = "settings.json"


def install(patch: pytest.MonkeyPatch, directory: Path, source: Path, **settings: str) -> None:
    """Put the programs of `source` into `directory`, and that first on the PATH.

    Those in Python are run by this one: a version manager's would cost a third of a second a call.
    """
    directory.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.is_file():
            text = path.read_text()
            script = text.removeprefix("#!/usr/bin/env python3\n")
            head = "" if script == text else f"#!{sys.executable} -S\n"
            (directory / path.name).write_text(head + script)
            (directory / path.name).chmod(0o755)
    if not os.environ["PATH"].startswith(f"{directory}:"):
        patch.setenv("PATH", f"{directory}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    tell(PATH=os.environ["PATH"], REPOSITORY=str(REPOSITORY), **settings)


def tell(**settings: str) -> None:
    """Change what the stand-ins are told."""
    path = Path(os.environ["PATH"].partition(":")[0]) / _SETTINGS
    before = told() if path.exists() else {}
    path.write_text(json.dumps({**before, **settings}))


def told() -> dict[str, str]:
    """What the stand-ins are told now."""
    path = Path(os.environ["PATH"].partition(":")[0]) / _SETTINGS
    settings: dict[str, str] = json.loads(path.read_text())
    return settings
