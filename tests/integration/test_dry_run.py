"""`ingot build --dry-run`: what it foretells, and that nothing is compiled or tagged."""

from __future__ import annotations

import json
import shutil

from ingot.pipeline.forecast import Action, Forecast, forecast
from ingot.progress import Silent
from tests.support.houses import House


def foretell(house: House) -> Forecast:
    setting = house.setting()
    before = house.layout.tags(), house.compiles()
    found = forecast(setting, setting.project.catalog.kernels[0], Silent())
    assert (house.layout.tags(), house.compiles()) == before
    return found


def test_a_dry_run_says_what_a_build_then_does(house: House) -> None:
    first = foretell(house)
    assert (first.action, first.recipe_key, first.earlier) == (Action.UNDECIDED, None, None)
    assert first.missing == ("the builder 'test', which does not exist yet",)
    built = house.build()
    found = foretell(house)
    assert (found.action, found.recipe_key) == (Action.FOUND, built.recipe_key)
    house.fragment("base/x86_64", "CONFIG_CHILD=y")
    changed = foretell(house)
    assert (changed.action, changed.earlier) == (Action.COMPILE, built.recipe_key)
    assert changed.differences
    assert [each.name for each in changed.differences.inputs] == ["config"]
    assert [(each.option, each.after) for each in changed.differences.options] == [("CHILD", "y")]
    document = json.loads(house.ingot("build", "--dry-run", "--json").stdout)
    assert document["kernels"][0]["action"] == "compile"
    text = house.ingot("build", "--dry-run").stdout
    assert "would be compiled" in text
    assert "config: 1 option differs: CHILD m -> y" in text
    assert house.build().recipe_key == changed.recipe_key
    shutil.rmtree(house.cache / "sources")
    shutil.rmtree(house.cache / "configs")
    house.fragment("base/x86_64", "CONFIG_CHILD=m")
    lost = foretell(house)
    assert lost.action == Action.UNDECIDED
    assert lost.missing == ("the source of linux 6.1.999, which is not in the cache",)
