"""Where the repository is, and what tests use of it that Python does not import."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
E2E = REPOSITORY / "tests" / "e2e"
FAKE_TREE = REPOSITORY / "tests" / "fakelinux"
FAKES = REPOSITORY / "tests" / "integration" / "fakes"
