"""A registry as the cache: what was built elsewhere is pulled, and everything else compiled."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.compiled_artifact import read_compiled_files
from ingot.compiled_files import CompiledFiles
from ingot.images import KERNEL_IMAGES
from ingot.oci import read_image, validate_layout, write_artifact
from tests.support.houses import House
from tests.support.registries import Served, serve
from tests.support.signatures import public

TAGS = [f"{name}:6.1.999" for name in KERNEL_IMAGES]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


@pytest.fixture
def published(house: House, served: Served) -> str:
    """A registry that has the house's kernel and builder; its name."""
    registry = f"{served.address}/kernels"
    assert house.ingot("build", "6.1").returncode == 0
    pushed = house.ingot("push", "6.1", "--registry", registry, "--builder")
    assert pushed.returncode == 0, pushed.stderr
    return registry


@pytest.fixture
def elsewhere(house: House) -> House:
    """Another machine with the same catalog: it has the source, but no builder and no image."""
    root = house.root / "elsewhere"
    shutil.copytree(house.kernels, root / "kernels")
    shutil.copytree(house.cache / "sources", root / "cache" / "sources", symlinks=True)
    shutil.copy(house.cache / "CACHEDIR.TAG", root / "cache")
    return House(root)


def build(house: House, registry: str, *words: str) -> tuple[dict[str, object], str]:
    """What `ingot build --json` says of the one kernel, and what it told on the way."""
    done = house.ingot("build", "6.1", "--cache-from", registry, "--json", *words)
    assert done.returncode == 0, done.stderr
    (built,) = json.loads(done.stdout)["built"]
    return built, done.stderr


def compiled_files(house: House) -> CompiledFiles:
    """The compiled files of the house's kernel, next to its image in the store."""
    layout = house.layout
    found = read_compiled_files(layout, read_image(layout, layout.tags()["kernel-bin:6.1.999"]))
    assert found is not None
    return found


def test_what_was_built_elsewhere_is_not_compiled(
    house: House, elsewhere: House, published: str
) -> None:
    compiled, made = house.compiles(), len(house.recorded("mmdebstrap"))
    built, told = build(elsewhere, published)
    assert built["pulled"] is True
    assert built["found_in_store"] is False
    assert house.compiles() == compiled
    assert len(house.recorded("mmdebstrap")) == made
    assert f"pull 6.1.999 from {published}" in told
    assert "no one vouches for it: the catalog has no trust.toml" in told
    here, there = elsewhere.layout.tags(), house.layout.tags()
    assert {tag: here[tag].digest for tag in TAGS} == {tag: there[tag].digest for tag in TAGS}
    assert here["kernel-builder:test"].digest == there["kernel-builder:test"].digest
    files = compiled_files(elsewhere)
    assert files == compiled_files(house)
    assert files.modules["kernel/drivers/net/dummy.ko"] >= {"drivers/net/dummy.c"}
    assert "drivers/net/unused.c" in files.tree - files.all
    assert not validate_layout(elsewhere.layout)
    assert not list((elsewhere.root / "build").glob("build-*"))


def test_what_was_pulled_is_found_the_next_time(elsewhere: House, published: str) -> None:
    build(elsewhere, published)
    built, told = build(elsewhere, "127.0.0.1:1/nobody")
    assert built["found_in_store"] is True
    assert built["pulled"] is False
    assert "127.0.0.1:1" not in told  # nothing was to be asked


def test_what_the_policy_refuses_is_compiled(
    house: House, elsewhere: House, published: str
) -> None:
    """The policy takes the builder as it is, but kernels only with a signature, which they lack."""
    (elsewhere.kernels / "team.pub").write_bytes(public().pem())
    (elsewhere.kernels / "trust.toml").write_text(
        '[[trust]]\nimages = "*/kernel-builder"\nkeys = []\n'
        '[[trust]]\nimages = "*"\nkeys = ["team.pub"]\n'
    )
    made, compiled = len(house.recorded("mmdebstrap")), house.compiles()
    built, told = build(elsewhere, published)
    assert "trust.toml takes it without a signature" in told
    assert len(house.recorded("mmdebstrap")) == made
    assert "the cache" in told
    assert "is not signed by" in told
    assert built["pulled"] is False
    assert house.compiles() == compiled + 1


def test_another_recipe_is_compiled(house: House, elsewhere: House, published: str) -> None:
    compiled = house.compiles()
    elsewhere.fragment("base/linux", "CONFIG_MODULES=y", "CONFIG_PARENT=y", "CONFIG_OTHER=y")
    built, told = build(elsewhere, published)
    assert built["pulled"] is False
    assert house.compiles() == compiled + 1
    assert f"{published} does not have recipe" in told


def test_a_registry_that_is_not_there_costs_a_note(house: House, elsewhere: House) -> None:
    built, told = build(elsewhere, "127.0.0.1:1/nobody")
    assert built["pulled"] is False
    assert house.compiles() == 1
    assert "the cache 127.0.0.1:1/nobody is not used" in told
    assert "Traceback" not in told


def test_a_registry_without_the_builder_costs_a_note(
    house: House, elsewhere: House, served: Served
) -> None:
    _, told = build(elsewhere, f"{served.address}/kernels")
    assert "has no kernel-builder:test; the builder is made here" in told
    assert len(house.recorded("mmdebstrap")) == 1


def test_a_builder_of_other_packages_is_left(
    house: House, elsewhere: House, published: str
) -> None:
    toml = elsewhere.kernels / "kernels.toml"
    toml.write_text(toml.read_text().replace('packages = ["make"]', 'packages = ["make", "bc"]'))
    built, told = build(elsewhere, published)
    assert "is made from another list of packages" in told
    assert built["pulled"] is False
    assert len(house.recorded("mmdebstrap")) == 2


def test_an_image_of_another_recipe_under_the_tag_is_not_taken(
    house: House, elsewhere: House, published: str
) -> None:
    house.fragment("base/linux", "CONFIG_MODULES=y", "CONFIG_PARENT=y", "CONFIG_OTHER=y")
    key = next(tag for tag in house.layout.tags() if tag.startswith("kernel-bin:6.1.999-"))
    other = json.loads(house.ingot("build", "6.1", "--json").stdout)["built"][0]["recipe_key"]
    wrong = f"kernel-bin:6.1.999-{other.removeprefix('sha256:')[:12]}"
    _copy(f"oci:{house.layout.root}:{wrong}", f"docker://{published}/{key}")
    compiled = house.compiles()
    built, told = build(elsewhere, published)
    assert built["pulled"] is False
    assert "its images are of more than one kernel" in told
    assert house.compiles() == compiled + 1
    assert not validate_layout(elsewhere.layout)


def test_a_damaged_blob_is_not_taken(
    house: House, elsewhere: House, published: str, served: Served
) -> None:
    manifest = json.loads(house.layout.read_blob(house.layout.tags()["kernel-bin:6.1.999"]))
    hexed = manifest["layers"][0]["digest"].removeprefix("sha256:")
    (stored,) = served.directory.rglob(f"{hexed}/data")
    data = bytearray(stored.read_bytes())
    data[-1] ^= 1
    stored.write_bytes(data)
    compiled = house.compiles()
    built, told = build(elsewhere, published)
    assert built["pulled"] is False
    assert "is not used: " in told
    assert house.compiles() == compiled + 1
    assert not validate_layout(elsewhere.layout)


def test_files_of_a_published_image(house: House, published: str, tmp_path: Path) -> None:
    to = tmp_path / "plain"
    done = house.ingot("pull", f"{published}/kernel-bin:6.1", "--to", str(to), "--arch", "x86_64")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{to}/boot/vmlinux  (")
    assert [path.name for path in to.rglob("*") if path.is_file()] == ["vmlinux"]


def test_a_pull_that_cannot_be(house: House, published: str, tmp_path: Path) -> None:
    def refused(*words: str) -> str:
        done = house.ingot("pull", *words)
        assert done.returncode in (2, 3), done.stderr
        assert "Traceback" not in done.stderr
        assert not done.stdout
        return done.stderr

    to = str(tmp_path / "plain")
    assert "ingot export kernel-bin:6.1" in refused("kernel-bin:6.1", "--to", to)
    assert "kernel-bin:5.10" in refused(f"{published}/kernel-bin:5.10", "--to", to)
    refused("127.0.0.1:1/kernel-bin:6.1", "--to", to)
    assert "exists already" in refused(f"{published}/kernel-bin:6.1", "--to", str(tmp_path))
    for tag in ("6.1", "6.1.999-x86_64"):  # an index that lacks it, and an image of another
        arm = refused(f"{published}/kernel-bin:{tag}", "--to", to, "--arch", "arm64")
        assert "platform" in arm or "is for linux/amd64, not for arm64" in arm
    assert not Path(to).exists()


def test_a_platform_that_is_asked_for_is_the_one_that_answers(house: House, published: str) -> None:
    image = f"{published}/kernel-bin:6.1"
    assert house.ingot("require", image, "--option", "PARENT").returncode == 0
    done = house.ingot("require", image, "--option", "PARENT", "--arch", "arm64")
    assert done.returncode == 2
    assert "is for x86_64, not for arm64" in done.stderr


def test_every_verb_reports_an_artifact_by_its_name(
    house: House, published: str, tmp_path: Path
) -> None:
    note = write_artifact(
        house.layout, "application/vnd.example+json", b"{}", house.layout.tags()[TAGS[0]]
    )
    house.layout.tag({"kernel-bin:note": note})
    _copy(f"oci:{house.layout.root}:kernel-bin:note", f"docker://{published}/kernel-bin:note")
    name, to = f"{published}/kernel-bin:note", tmp_path / "plain"
    for words in (
        ["pull", name, "--to", str(to)],
        ["inspect", name],
        ["require", name, "--option", "PARENT"],
        ["config", "diff", "6.1", name],
        ["run", "6.1", name],
    ):
        done = house.ingot(*words)
        assert done.returncode == 2, words
        assert f"{name} is not an image" in done.stderr, words
        assert "application/vnd.example+json" in done.stderr, words
        assert "store" not in done.stderr, words
    assert not to.exists()


def _copy(source: str, target: str) -> None:
    words = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", source, target]
    subprocess.run(words, check=True)
