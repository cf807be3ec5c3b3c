"""Every command of README and docs is run, against fake kernels and a registry on loopback.

A comment before a block marks what cannot be run: see `tests.support.pages`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.page_world import make_world
from tests.support.pages import bare, blocks
from tests.support.registries import serve


def test_the_commands_of_all_pages_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One place for all pages, in a reader's order: what a page builds, the next one uses."""
    failed: list[str] = []
    works: set[str] = set()
    with serve(tmp_path / "registry") as served:
        world = make_world(tmp_path / "checkout", monkeypatch, served.address)
        for block in blocks():
            if script := block.script(works):
                done = world.run(script)
                if done.returncode != 0:
                    failed.append(f"{block} exited with {done.returncode}:\n{done.stderr[-3000:]}")
                # a command is run once, however often the pages have it
                works |= {bare(line) for line in block.commands if line.startswith("ingot ")}
    assert not failed, "\n\n".join(failed)
