"""`ingot fetch`, then builds without any network: in a network namespace of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ingot.images import BASE, KERNEL_IMAGES
from ingot.pipeline import Built
from tests.support.git_repositories import Repository, make_repository
from tests.support.houses import House
from tests.support.places import FAKE_TREE

TAGS = {f"{name}:6.1.999" for name in KERNEL_IMAGES}
PATCH = "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-int main(void) { return 0; }\n"
PATCH += "+int main(void) { return 42; }\n"


@pytest.fixture
def unplugged() -> list[str]:
    """The words before a command that leave it no network, not even loopback."""
    for words in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        probe = subprocess.run([*words, "true"], capture_output=True, check=False)
        if probe.returncode == 0:
            return words
    pytest.skip("this machine allows no network namespaces")


def run(house: House, before: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *house.command(*words)],
        env=house.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def forget_source(house: House) -> None:
    for directory in (house.cache / "sources").iterdir():
        if directory.is_dir():
            shutil.rmtree(directory)


def test_after_fetch_everything_is_built_without_a_network(
    house: House, unplugged: list[str]
) -> None:
    fetched = house.ingot("fetch", "6.1", "--json")
    assert fetched.returncode == 0, fetched.stderr
    (one,) = json.loads(fetched.stdout)["fetched"]
    assert (one["version"], one["builder"]) == ("6.1.999", "test")
    assert one["source"]["size"] > 0
    made = len(house.recorded("mmdebstrap"))
    assert made == 1
    result = run(house, unplugged, "build", "6.1", "--offline")
    assert result.returncode == 0, result.stderr
    assert set(house.layout.tags()) >= TAGS
    assert len(house.recorded("mmdebstrap")) == made
    checked = run(house, unplugged, "config", "check", "6.1", "--offline")
    assert checked.returncode == 0, checked.stderr


def test_a_second_fetch_gets_nothing(house: House, unplugged: list[str]) -> None:
    first = house.ingot("fetch", "6.1", "--json")
    second = run(house, unplugged, "fetch", "6.1", "--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout) == json.loads(first.stdout)
    assert "make builder" not in second.stderr


def test_fetch_prints_a_table(house: House) -> None:
    head, source, builder = house.ingot("fetch", "6.1").stdout.splitlines()
    assert head.split() == ["what", "from", "digest", "size"]
    assert source.split()[:2] == ["linux", "6.1.999"]
    assert source.split()[3].startswith("sha256:")
    assert builder.split()[:2] == ["builder", "test"]


@pytest.mark.parametrize("verb", [["build", "6.1"], ["config", "show", "6.1"]])
def test_offline_without_the_source(house: House, verb: list[str]) -> None:
    forget_source(house)
    result = house.ingot(*verb, "--offline")
    assert result.returncode == 3
    assert "the source of linux 6.1.999 is not in the cache" in result.stderr
    assert "next: run `ingot fetch 6.1.999` with network access" in result.stderr


@pytest.mark.parametrize("verb", [["build", "6.1"], ["config", "show", "6.1"]])
def test_offline_without_the_builder(house: House, verb: list[str]) -> None:
    result = house.ingot(*verb, "--offline")
    assert result.returncode == 3
    assert "the builder 'test' does not exist yet" in result.stderr
    assert "ingot fetch" in result.stderr
    assert house.recorded("mmdebstrap") == []


def test_offline_may_be_the_environments_word(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGOT_OFFLINE", "1")
    monkeypatch.setenv("INGOT_CACHE_FROM", "registry.invalid/kernels")
    result = house.ingot("build", "6.1")
    assert result.returncode == 3
    assert "the builder 'test' does not exist yet" in result.stderr
    assert "registry.invalid" not in result.stderr


def test_offline_no_registry_is_asked(house: House) -> None:
    result = house.ingot("config", "diff", "registry.invalid/kernel-bin:6.1", "6.1", "--offline")
    assert result.returncode == 3
    assert "registry.invalid/kernel-bin:6.1 is in a registry" in result.stderr


def test_one_that_cannot_be_fetched_does_not_stop_the_others(house: House) -> None:
    path = house.kernels / "kernels.toml"
    path.write_text(path.read_text() + '\n[series."5.10".versions."5.10.1"]\n')
    result = house.ingot("fetch", "5.10", "6.1", "--json")
    document = json.loads(result.stdout)
    assert [one["version"] for one in document["fetched"]] == ["6.1.999"]
    assert [one["version"] for one in document["failed"]] == ["5.10.1"]
    assert result.returncode == 3
    assert "Traceback" not in result.stderr


# Sources in git


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = make_repository(tmp_path / "linux")
    shutil.copytree(FAKE_TREE, made.path, dirs_exist_ok=True)
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "6.1.999")
    made.git("tag", "v6.1.999")
    return made


def test_a_source_in_git_is_built_and_its_commit_told(house: House, repository: Repository) -> None:
    commit = repository.git("rev-parse", "HEAD")
    result = house.ingot("build", "6.1", "--source", str(repository.url("v6.1.999")), "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)["source"]
    assert told["commit"] == commit
    assert told["evidence"] == f"commit {commit}, no signature checked"
    assert commit in result.stderr
    tree = house.ingot("build", "6.1", "--source", str(repository.path), "--json")
    (built,) = json.loads(tree.stdout)["built"]
    assert built["found_in_store"]  # the same contents are the same recipe
    assert {each["image"] for each in built["images"]} == {f"{tag}-from-linux" for tag in TAGS}
    assert json.loads(tree.stdout)["source"] is None


def test_fetched_without_naming_a_kernel_it_is_built_offline(
    house: House, repository: Repository, unplugged: list[str]
) -> None:
    path = house.kernels / "kernels.toml"
    path.write_text(path.read_text() + '\n[series."5.10".versions."5.10.1"]\n')
    url = str(repository.url("v6.1.999"))
    fetched = house.ingot("fetch", "--source", url)
    assert fetched.returncode == 0, fetched.stderr
    commit = repository.git("rev-parse", "HEAD")
    assert f"git {commit[:12]}" in fetched.stdout
    built = run(house, unplugged, "build", "--source", url, "--offline")
    assert built.returncode == 0, built.stderr
    assert set(house.layout.tags()) >= {f"{tag}-from-linux" for tag in TAGS}


def test_a_vendors_tree_never_gets_the_tags_of_another_source(
    house: House, repository: Repository
) -> None:
    upstream = house.build()
    for vendor in ("acme", "globex"):
        tree = repository.path.with_name(f"linux-{vendor}")
        shutil.copytree(repository.path, tree)
        makefile = (tree / "Makefile").read_text()
        (tree / "Makefile").write_text(makefile + f"# {vendor}\n")
        assert house.ingot("build", "6.1", "--source", str(tree)).returncode == 0
    tags = house.layout.tags()
    names = ("6.1.999", "6.1.999-from-linux_acme", "6.1.999-from-linux_globex")
    assert len({tags[f"{BASE}:{name}"].digest for name in names}) == 3
    assert upstream.images == house.build().images
    shown = house.ingot("inspect", "kernel-bin:6.1.999-from-linux_acme")
    assert shown.returncode == 0, shown.stderr
    named = house.ingot("build", "6.1-from-linux_acme")
    assert named.returncode == 2
    assert "pass the source 'linux_acme' with --source" in named.stderr


def test_the_tarball_that_the_catalog_pins_is_its_own_source(house: House) -> None:
    tarball = house.root / "linux-6.1.999.tar.xz"
    built = house.ingot("build", "6.1", "--source", str(tarball), "--json")
    assert built.returncode == 0, built.stderr
    (one,) = json.loads(built.stdout)["built"]
    assert {each["image"] for each in one["images"]} == TAGS


def test_a_series_means_the_version_that_the_commit_is(
    house: House, repository: Repository
) -> None:
    makefile = (repository.path / "Makefile").read_text()
    (repository.path / "Makefile").write_text(makefile.replace("999", "998"))
    repository.git("commit", "-qam", "6.1.998")
    result = house.ingot("build", "6.1", "--source", str(repository.url("main")), "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["built"][0]["version"] == "6.1.998"
    other = house.ingot("build", "6.1.999", "--source", str(repository.url("main")))
    assert other.returncode == 2
    assert "its Makefile says 6.1.998" in other.stderr


def test_a_keyring_without_git(house: House, repository: Repository) -> None:
    result = house.ingot("build", "6.1", "--source", str(repository.path), "--keyring", "x")
    assert result.returncode == 2
    assert "--keyring" in result.stderr


# Patches of the user's own


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    path = tmp_path / "answer.patch"
    path.write_text(PATCH)
    return path


def test_a_patch_of_ones_own_never_moves_the_catalogs_tag(house: House, patch: Path) -> None:
    first: Built = house.build()
    before = house.layout.tags()
    result = house.ingot("build", "6.1", "--patch", str(patch), "--json")
    assert result.returncode == 0, result.stderr
    (built,) = json.loads(result.stdout)["built"]
    assert built["patched"]
    assert {image["image"] for image in built["images"]} == {f"{tag}-patched" for tag in TAGS}
    assert built["recipe_key"] != str(first.recipe_key)
    after = house.layout.tags()
    assert {tag: after[tag].digest for tag in before} == {t: d.digest for t, d in before.items()}
    again = house.ingot("build", "6.1", "--patch", str(patch), "--json")
    assert json.loads(again.stdout)["built"][0]["found_in_store"]
    assert house.ingot("inspect", "6.1.999-patched").returncode == 0
    assert house.build().found


def test_patches_come_after_the_catalogs_and_in_their_order(
    house: House, patch: Path, tmp_path: Path
) -> None:
    own = house.kernels / "patches" / "6.1"
    own.mkdir(parents=True)
    (own / "0001-first.patch").write_text(PATCH.replace("42", "41"))
    second = tmp_path / "second.patch"
    second.write_text(PATCH.replace("42", "43").replace("return 0", "return 41"))
    third = tmp_path / "third.patch"
    third.write_text(PATCH.replace("42", "44").replace("return 0", "return 43"))

    def build(*files: Path) -> subprocess.CompletedProcess[str]:
        words = [word for file in files for word in ("--patch", str(file))]
        return house.ingot("build", "6.1", "--json", *words)

    assert build(second, third).returncode == 0
    wrong = build(third, second)
    assert wrong.returncode == 2
    assert "third.patch does not apply" in wrong.stderr
    assert "main.c:1 (hunk 1, @@ -1 +1 @@)" in wrong.stderr


def test_a_patched_kernel_without_patches_and_a_patch_that_is_not_there(house: House) -> None:
    named = house.ingot("build", "6.1-patched")
    assert named.returncode == 2
    assert "--patch FILE" in named.stderr
    missing = house.ingot("build", "6.1", "--patch", "none.patch")
    assert missing.returncode == 2
    assert "there is no patch file none.patch" in missing.stderr


def test_a_bounded_patch_ends_in_the_release_that_carries_it(house: House) -> None:
    plain = house.build()
    directory = house.kernels / "patches" / "all"
    directory.mkdir(parents=True)
    (directory / "fix.patch").write_text(PATCH)
    path = house.kernels / "kernels.toml"
    text = path.read_text()

    def bounded(until: str) -> Built:
        table = f'\n[[patches]]\nfile = "all/fix.patch"\nuntil = "{until}"\n'
        path.write_text(text + table)
        return house.build()

    assert bounded("6.1.999").recipe_key != plain.recipe_key
    assert bounded("6.1.998").recipe_key == plain.recipe_key
