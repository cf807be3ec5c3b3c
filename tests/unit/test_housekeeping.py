"""Pruning keeps what a version stands for and what the catalog needs, and removes the rest."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot.arch import arch
from ingot.boot.cost.boot_profile import PROFILE_TYPE
from ingot.builder import builder_image as builders
from ingot.catalog import BuilderSpec
from ingot.cli.main import app
from ingot.compiled_artifact import write_compiled_files
from ingot.errors import MachineError, UserError
from ingot.files import locked
from ingot.housekeeping import RemovedItem, RemovedKind, prune
from ingot.images import BASE, KERNEL_IMAGES
from ingot.oci import (
    Descriptor,
    Platform,
    file_entry,
    read_image,
    write_artifact,
    write_image,
    write_layer,
)
from ingot.oci.descriptor import INDEX_TYPE, MANIFEST_TYPE
from ingot.pipeline.builders import site_of
from ingot.setting import Setting
from ingot.workspace import Workspace
from tests.support.digests import digest
from tests.support.kernel_images import VERSION, make_kernel

OTHER = "cd" * 32
SPEC = BuilderSpec("bookworm", "bookworm", ("bc",))


def fill(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory / "file").write_bytes(b"x" * 5000)
    return directory


def make_builder(setting: Setting, spec: BuilderSpec = SPEC, host: str = "x86_64") -> Descriptor:
    """A builder's image in the store, and its root unpacked."""
    layer = write_layer(setting.project.layout, [file_entry("etc/suite", spec.suite.encode())], 0)
    labels = {
        builders.SPEC_LABEL: builders.spec_digest(
            spec, site_of(replace(setting.project, host=host))
        )
    }
    platform = Platform("linux", arch(host).oci)
    descriptor = write_image(setting.project.layout, [layer], platform, labels, {}, 0)
    setting.project.layout.tag({builders.tag_of(spec): descriptor})
    fill(setting.project.workspace.builders / descriptor.digest.hex)
    return descriptor


def clean(
    setting: Setting, *, everything: bool = False, dry_run: bool = False
) -> list[RemovedItem]:
    return prune(setting.project, everything=everything, dry_run=dry_run)


def state(root: Path) -> dict[str, bytes]:
    """All files below a directory that are not locks."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def test_in_an_empty_place_there_is_nothing_to_remove(setting: Setting) -> None:
    assert clean(setting, everything=True) == []


def test_images_of_the_current_recipe_stay_and_older_ones_go(
    setting: Setting, tmp_path: Path
) -> None:
    old, new = make_kernel(tmp_path, "old"), make_kernel(tmp_path, "new")
    assert new.layout == setting.project.layout
    old.build()
    new.build()
    removed = clean(setting)
    short = old.facts.recipe_key.short
    *images, blobs = removed
    assert [item.what for item in images] == [
        f"image {name}:{VERSION}-{short}" for name in sorted(KERNEL_IMAGES)
    ]
    assert "blobs of the store" in blobs.what
    assert blobs.size > 0
    assert set(setting.project.layout.tags()) == {
        f"{name}:{tag}"
        for name in KERNEL_IMAGES
        for tag in (VERSION, f"{VERSION}-{new.facts.recipe_key.short}")
    }
    assert clean(setting) == []


def keep_profile(setting: Setting, key: str, subject: Descriptor) -> str:
    """A boot profile of the image in the store; returns its tag."""
    artifact = write_artifact(setting.project.layout, PROFILE_TYPE, b'{"profile": 1}', subject)
    tag = f"{BASE}:{VERSION}-{digest(key).short}-boot"
    setting.project.layout.tag({tag: artifact})
    return tag


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_profile_goes_with_its_image_and_not_before(
    setting: Setting, tmp_path: Path, dry_run: bool
) -> None:
    old, new = make_kernel(tmp_path, "old"), make_kernel(tmp_path, "new")
    gone = keep_profile(setting, "old", old.build()[BASE])
    kept = keep_profile(setting, "new", new.build()[BASE])
    removed = [item.what for item in clean(setting, dry_run=dry_run)]
    at = len(KERNEL_IMAGES)
    assert removed[at] == f"profile {gone}"
    assert "blobs of the store" in removed[at + 1]
    if not dry_run:
        assert gone not in setting.project.layout.tags()
        assert setting.project.layout.is_complete(setting.project.layout.tags()[kept])
        assert clean(setting) == []


def test_compiled_files_go_with_their_image_and_not_before(
    setting: Setting, tmp_path: Path
) -> None:
    layout, tags = setting.project.layout, {}
    for key in ("old", "new"):
        kernel = make_kernel(tmp_path, key)
        base = read_image(layout, kernel.build()[BASE])
        found = write_compiled_files(layout, kernel.artifacts.compiled_files, base)
        layout.tag(found)
        (tags[key],) = found
    removed = [item.what for item in clean(setting)]
    assert removed[len(KERNEL_IMAGES)] == f"compiled files {tags['old']}"
    assert tags["old"] not in layout.tags()
    assert layout.is_complete(layout.tags()[tags["new"]])


def test_a_profile_of_an_image_that_is_gone_goes_by_itself(
    setting: Setting, tmp_path: Path
) -> None:
    kernel = make_kernel(tmp_path)
    kernel.build()
    tag = keep_profile(setting, "other", kernel.layout.write_blob([b"{}"], MANIFEST_TYPE))
    assert clean(setting)[0] == RemovedItem(f"profile {tag}", 0)
    assert f"{BASE}:{VERSION}" in setting.project.layout.tags()


def test_an_artifact_of_another_tool_stays(setting: Setting, tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    kernel.build()
    about = kernel.layout.write_blob([b"{}"], MANIFEST_TYPE)
    foreign = write_artifact(setting.project.layout, "application/vnd.example.sbom", b"{}", about)
    setting.project.layout.tag({"foreign:1": foreign})
    clean(setting)
    assert "foreign:1" in setting.project.layout.tags()


def test_blobs_that_were_never_tagged_go(setting: Setting, tmp_path: Path) -> None:
    make_kernel(tmp_path).write()
    (removed,) = clean(setting)
    assert removed.what.endswith("blobs of the store")
    assert state(setting.project.layout.blobs.directory) == {}


def test_builders_of_the_catalog_stay_and_others_go(setting: Setting) -> None:
    kept = make_builder(setting)
    gone = fill(setting.project.workspace.builders / OTHER)
    removed = clean(setting)
    assert [item.what for item in removed] == [f"unpacked builder {OTHER[:12]}"]
    assert removed[0].size >= 5000
    assert not gone.exists()
    assert (setting.project.workspace.builders / kept.digest.hex).is_dir()


def test_a_builder_whose_spec_has_changed_goes(setting: Setting) -> None:
    old = make_builder(setting, BuilderSpec("bookworm", "bookworm", ("bc", "flex")))
    clean(setting)
    assert not (setting.project.workspace.builders / old.digest.hex).exists()


def test_the_builder_of_a_machine_of_another_arch_stays(setting: Setting) -> None:
    kept = make_builder(setting, host="arm64")
    assert clean(setting) == []
    assert (setting.project.workspace.builders / kept.digest.hex).is_dir()


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("name", ["bookworm", "another"])
def test_images_of_builders_the_catalog_no_longer_asks_for_go(
    setting: Setting, name: str, dry_run: bool
) -> None:
    make_builder(setting)
    kept = setting.project.layout.tags()
    old = BuilderSpec(name, "bullseye", ("bc", "flex"))
    make_builder(setting, old)
    if name == "another":
        assert len(setting.project.layout.tags()) == 2
    else:
        kept = {}
    removed = clean(setting, dry_run=dry_run)
    assert removed[0] == RemovedItem(f"image kernel-builder:{name}", 0)
    assert removed[1].what.endswith("blobs of the store")
    if not dry_run:
        assert setting.project.layout.tags() == kept
        assert clean(setting) == []


def test_a_builder_of_another_tool_stays(setting: Setting) -> None:
    layer = write_layer(setting.project.layout, [file_entry("etc/file", b"x")], 0)
    image = write_image(setting.project.layout, [layer], Platform("linux", "amd64"), {}, {}, 0)
    setting.project.layout.tag({"kernel-builder:mine": image})
    assert clean(setting) == []
    assert "kernel-builder:mine" in setting.project.layout.tags()


def test_with_everything_the_caches_go_and_the_images_stay(
    setting: Setting, tmp_path: Path
) -> None:
    make_kernel(tmp_path).build()
    builder = make_builder(setting)
    workspace = setting.project.workspace
    for directory in (workspace.ccache, workspace.configs):
        fill(directory)
    tags = setting.project.layout.tags()
    removed = clean(setting, everything=True)
    assert {item.what for item in removed} == {
        f"unpacked builder {builder.digest.short}",
        "cache ccache",
        "cache configs",
    }
    assert not any(f.exists() for f in (workspace.ccache, workspace.configs))
    assert setting.project.layout.tags() == tags


def test_caches_stay_unless_everything_is_to_go(setting: Setting) -> None:
    fill(setting.project.workspace.ccache)
    fill(setting.project.workspace.configs)
    assert clean(setting) == []
    assert setting.project.workspace.ccache.is_dir()


def test_directories_of_killed_builds_go(setting: Setting) -> None:
    assert setting.project.workspace.build_root is not None
    stale = fill(setting.project.workspace.build_root / "build-stale")
    (stale.parent / ".build-stale.lock").touch()
    clean(setting)
    assert not stale.exists()


@pytest.mark.parametrize(
    ("name", "dry_run"),
    [
        (".staging-x", False),
        (".staging-x", True),
        (f".staging-{OTHER}", False),
        (f".staging-{OTHER}", True),
    ],
)
def test_what_a_killed_run_left_unfinished_is_told_once(
    setting: Setting, name: str, dry_run: bool
) -> None:
    left = fill(setting.project.workspace.sources / name)
    (removed,) = clean(setting, dry_run=dry_run)
    assert removed.size >= 5000
    assert left.exists() is dry_run


def test_a_dry_run_changes_nothing(setting: Setting, tmp_path: Path) -> None:
    for key in ("old", "new"):
        make_kernel(tmp_path, key).build()
    make_kernel(tmp_path, "untagged").write()
    fill(setting.project.workspace.builders / OTHER)
    fill(setting.project.workspace.ccache)
    before = state(tmp_path)
    would = clean(setting, everything=True, dry_run=True)
    assert state(tmp_path) == before
    assert {"cache ccache", f"unpacked builder {OTHER[:12]}"} <= {item.what for item in would}


def test_a_dry_run_says_what_the_real_one_removes(setting: Setting, tmp_path: Path) -> None:
    for key in ("old", "new"):
        make_kernel(tmp_path, key).build()
    fill(setting.project.workspace.ccache)
    would = clean(setting, everything=True, dry_run=True)
    assert clean(setting, everything=True) == would


def test_blobs_that_another_tag_shares_are_not_told_to_go(setting: Setting, tmp_path: Path) -> None:
    for key in ("old", "new"):
        make_kernel(tmp_path, key).build()
    old = next(tag for tag in setting.project.layout.tags() if not tag.endswith(str(VERSION)))
    setting.project.layout.tag({"mine:1": setting.project.layout.tags()[old]})
    would = clean(setting, dry_run=True)
    assert clean(setting) == would


def test_nothing_is_touched_while_a_build_runs(setting: Setting) -> None:
    fill(setting.project.workspace.ccache)
    with (
        locked(setting.project.workspace.lock("use"), shared=True),
        pytest.raises(MachineError, match="a build is running") as caught,
    ):
        clean(setting, everything=True)
    assert caught.value.hint
    assert setting.project.workspace.ccache.is_dir()


def test_a_builder_that_is_being_made_stays(setting: Setting) -> None:
    making = fill(setting.project.workspace.builders / ".staging-x")
    with locked(setting.project.workspace.builders / f".{SPEC.name}.lock"):
        with contextlib.suppress(MachineError):  # as good: nothing is touched
            clean(setting)
        assert making.is_dir()


def test_a_store_in_use_is_told(setting: Setting, tmp_path: Path) -> None:
    make_kernel(tmp_path).write()
    for key in ("old", "new"):
        make_kernel(tmp_path, key).build()
    tags = setting.project.layout.tags()
    with (
        setting.project.layout.in_use(),
        pytest.raises(MachineError, match=r"store .* is in use") as caught,
    ):
        clean(setting)
    assert caught.value.hint
    assert setting.project.layout.tags() == tags


def test_what_another_tool_put_into_the_store_does_no_harm(
    setting: Setting, tmp_path: Path
) -> None:
    make_kernel(tmp_path).build()

    data = b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % INDEX_TYPE.encode()
    setting.project.layout.tag({"foreign:1": setting.project.layout.write_blob([data], INDEX_TYPE)})
    assert clean(setting) == []
    assert "foreign:1" in setting.project.layout.tags()


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_directory_that_is_not_a_cache_is_not_emptied(
    setting: Setting, tmp_path: Path, dry_run: bool
) -> None:
    mine = fill(tmp_path / "home" / "downloads")
    project = replace(setting.project, workspace=Workspace(tmp_path / "home"))
    with pytest.raises(UserError, match="is not a cache of Ingot"):
        prune(project, everything=True, dry_run=dry_run)
    assert (mine / "file").exists()
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["downloads"]


def test_each_kind_of_removed_item_says_how_long_its_space_stays_free(
    setting: Setting, tmp_path: Path
) -> None:
    for key in ("old", "new"):
        make_kernel(tmp_path, key).build()
    workspace = setting.project.workspace
    fill(workspace.builders / OTHER)
    fill(workspace.configs)
    fill(workspace.sources / ".staging-x")
    found = {item.kind for item in clean(setting, everything=True, dry_run=True)}
    assert found == {*RemovedKind} - {RemovedKind.SOURCE}
    words = ["--catalog", str(setting.project.catalog.root), "prune", "--dry-run", "--all"]
    result = CliRunner().invoke(app, [*words, "--cache", str(workspace.root)])
    assert result.exit_code == 0
    for kind in ("images", "builders", "caches", "unfinished files"):
        assert f"note: {kind}: the space stays free" in result.stderr
    quiet = CliRunner().invoke(app, [*words, "--cache", str(workspace.root), "-q"])
    assert (quiet.stdout, quiet.stderr) == (result.stdout, "")
