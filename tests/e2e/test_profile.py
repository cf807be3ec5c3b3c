"""What a real kernel costs to boot, counted twice: the same to the last instruction."""

from __future__ import annotations

import json

import pytest

from ingot.images import BASE
from ingot.lab import kept_profile
from ingot.oci import Layout, read_image
from tests.support.labs import VERSION, Lab

pytestmark = pytest.mark.e2e


def test_two_runs_give_the_same_figures(lab: Lab, built: dict[str, object]) -> None:
    runs = [lab.ingot("profile", VERSION, "--json") for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    document = json.loads(runs[0].stdout)
    # unpacking a MiB alone takes 20 million; the whole of a distribution's kernel a thousand
    assert 20_000_000 < document["instructions"] < 1_000_000_000
    phases = {phase["name"]: phase["instructions"] for phase in document["phases"]}
    assert sum(phases.values()) == document["instructions"]
    assert {"entry", "memory", "freeing memory, starting init"} <= set(phases)
    assert max(phases.values()) < document["instructions"]
    # 27 ticks of a timer that nobody told the frequency of, and as many to verify it
    assert document["calibration"] > 50_000_000
    assert 4 << 20 < document["memory_used"] < 128 << 20

    layout = Layout(lab.store)
    base = read_image(layout, layout.tags()[f"{BASE}:{VERSION}"])
    profile = kept_profile(layout, base)
    assert profile is not None
    assert profile.instructions == document["instructions"]
