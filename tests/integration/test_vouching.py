"""Who vouches for what decides who shares it: compile caches, kept configs, sources."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.builder.builder_trust import trust_in_builder
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.pipeline.caches import compile_cache
from ingot.pipeline.inputs import known_sources
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.setting import RunOptions, Setting
from ingot.source.origin import Source
from ingot.source.origins import origins_of
from ingot.source.trees.source_cache import SourceCache
from ingot.source.trees.source_record import read_entry, write_entry
from tests.support.houses import House

ORIGINS = 'order = ["kernel.org", "git"]\ngit = { repository = "https://x/linux", keyring = "k" }'
KEYRINGS = ("keyrings/kernel.org.gpg", "keyrings/kernel.org-lists.gpg", "k", "b.gpg")
PATCH = "patches/6.1/0001-a.patch"


@pytest.fixture
def theirs(house: House, tmp_path: Path) -> House:
    """A copy of a catalog that has keyrings, a patch and a builder of its own; both work."""
    for name in (*KEYRINGS, PATCH):
        path = house.kernels / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    file = house.kernels / "kernels.toml"
    text = file.read_text().replace('order = ["debian"]', ORIGINS)
    text = text.replace("[builders.test]", '[builders.test]\nkeyring = "b.gpg"')
    file.write_text(
        text.partition('[series."6.1".versions')[0] + '[series."6.1".versions."6.1.999"]\n'
    )
    other = House(tmp_path / "theirs")
    shutil.copytree(house.kernels, other.kernels)
    return other


def set_up(house: House, cache: Path) -> tuple[Setting, Plan, Source]:
    setting = house.setting()
    setting = Setting(
        replace(setting.project, workspace=replace(setting.project.workspace, root=cache))
    )
    (source,) = SourceCache(setting.project.workspace.sources).known(
        setting.project.catalog.kernels[0].version
    )
    return setting, make_plan(setting.project.catalog, setting.project.catalog.kernels[0]), source


def vouch(house: House) -> None:
    """Have the source in the cache vouched for by the first origin of the catalog."""
    setting, _, source = set_up(house, house.cache)
    entry = read_entry(source.tree.parent)
    assert entry
    trust = origins_of(setting.project.catalog)[0].trust
    write_entry(source.tree.parent, replace(entry, trusted=frozenset({trust})))


def places(house: House, cache: Path) -> dict[str, object]:
    setting, plan, source = set_up(house, cache)
    builder = Digest.of(b"the same list of packages")
    return {
        "ccache": compile_cache(setting, plan, source),
        "config": plan.config_path(source.digest, builder, setting.project.workspace),
        "table": plan.table_path(source.digest, builder, setting.project.workspace),
        "sources": known_sources(setting.project, setting.project.catalog.kernels[0]),
    }


def test_a_copy_of_a_catalog_shares_all(house: House, theirs: House) -> None:
    vouch(house)
    ours = places(house, house.cache)
    assert places(theirs, house.cache) == ours
    assert ours["sources"]
    # what decides no trust: another place, another order of the same, a word about it
    file = theirs.kernels / "kernels.toml"
    text = file.read_text().replace('["kernel.org", "git"]', '["git", "kernel.org"]')
    file.write_text(text.replace("https://x/linux", "https://mirror/linux") + "\n# mine\n")
    assert places(theirs, house.cache) == ours


@pytest.mark.parametrize(
    ("file", "differ"),
    [
        ("keyrings/kernel.org.gpg", {"ccache", "sources"}),
        ("keyrings/kernel.org-lists.gpg", {"ccache", "sources"}),
        ("k", {"ccache"}),
        ("b.gpg", {"ccache", "config", "table"}),
        (PATCH, {"ccache", "config", "table"}),
    ],
)
def test_who_trusts_others_shares_nothing_that_they_could_have_written(
    house: House, theirs: House, file: str, differ: set[str]
) -> None:
    vouch(house)
    ours = places(house, house.cache)
    (theirs.kernels / file).write_text("another")
    found = places(theirs, house.cache)
    assert {name for name in found if found[name] != ours[name]} == differ


def test_what_only_a_pin_vouches_for_has_its_own(house: House, theirs: House) -> None:
    alone = places(house, house.cache)["ccache"]
    vouch(house)
    assert places(house, house.cache)["ccache"] != alone


def test_what_is_the_users_own_has_its_own(house: House, theirs: House) -> None:
    vouch(house)
    setting, plan, source = set_up(house, house.cache)
    found = {
        compile_cache(replace(setting, options=RunOptions(local=local)), plan, source)
        for local in (None, Path("/a"), Path("/b"), replace(source, url="git+https://x/y"))
    }
    assert len(found) == 4
    assert all(len(path.name) == 64 for path in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: replace(spec, kind="host"),
        lambda spec: replace(spec, kind="container", image="a"),
        lambda spec: replace(spec, kind="container", image="b"),
        lambda spec: replace(spec, keyring="missing.gpg"),
        lambda spec: replace(spec, keyring="b.gpg"),
    ],
)
def test_who_vouches_for_a_builder(
    house: House, theirs: House, change: Callable[[BuilderSpec], BuilderSpec]
) -> None:
    spec = BuilderSpec("test", "bookworm", ("make",))
    own = trust_in_builder(spec, house.kernels)
    assert trust_in_builder(replace(spec, mirror="http://m"), house.kernels) == own
    assert trust_in_builder(change(spec), house.kernels) != own
