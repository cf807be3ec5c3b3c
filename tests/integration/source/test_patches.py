"""Patches on a copy of a tree: in order, as `git apply` means them, and what is said if not."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.source.origin import Source
from ingot.source.trees.patched_tree import digests, patched_tree
from ingot.version import KernelVersion
from tests.support.progress import Notes
from tests.support.tarballs import VERSION

LINES = [f"line {number}\n" for number in range(1, 41)]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    tree = tmp_path / "linux"
    (tree / "lib").mkdir(parents=True)
    (tree / "lib" / "list.c").write_text("".join(LINES))
    (tree / "other.c").write_text("int x;\n")
    return Source(VERSION, "local", Digest.of(b""), tree, 0, "", "")


Patch = Callable[..., Path]


@pytest.fixture
def patch(tmp_path: Path, source: Source) -> Patch:
    """Makes a patch file of what `git diff` says of changed files."""

    def make(name: str, changes: dict[str, str], before: dict[str, str] | None = None) -> Path:
        text = ""
        for file, new in changes.items():
            old = (before or {}).get(file)
            old_text = old if old is not None else (source.tree / file).read_text()
            for directory, content in (("a", old_text), ("b", new)):
                path = tmp_path / "diff" / directory / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            argv = ["git", "diff", "--no-index", "--no-prefix", f"a/{file}", f"b/{file}"]
            done = subprocess.run(argv, cwd=tmp_path / "diff", capture_output=True, text=True)
            text += done.stdout
        path = tmp_path / name
        path.write_text(text)
        return path

    return make


def changed(*numbers: int, by: str = "changed") -> str:
    return "".join(
        f"{by} {number}\n" if number in numbers else line
        for number, line in enumerate(LINES, start=1)
    )


def applied(source: Source, patches: list[Path], tmp_path: Path) -> dict[str, str]:
    """The files of the patched tree, while it lasts."""
    with patched_tree(source, patches, digests(patches), tmp_path / "work", Notes()) as tree:
        return {
            str(path.relative_to(tree)): path.read_text()
            for path in tree.rglob("*")
            if path.is_file()
        }


def test_patches_are_applied_in_the_order_given(
    source: Source, patch: Patch, tmp_path: Path
) -> None:
    first = patch("b.patch", {"lib/list.c": changed(5)})
    second = patch(
        "a.patch", {"lib/list.c": changed(5, by="again")}, before={"lib/list.c": changed(5)}
    )
    files = applied(source, [first, second], tmp_path)
    assert files["lib/list.c"] == changed(5, by="again")
    assert (source.tree / "lib" / "list.c").read_text() == "".join(LINES)
    with pytest.raises(UserError, match=r"a\.patch does not apply"):
        applied(source, [second, first], tmp_path)
    assert list((tmp_path / "work").iterdir()) == []
    assert digests([first, second]) == (
        Digest.of(first.read_bytes()),
        Digest.of(second.read_bytes()),
    )


def test_without_patches_the_tree_is_the_sources_own(source: Source, tmp_path: Path) -> None:
    with patched_tree(source, [], [], tmp_path / "work", Notes()) as tree:
        assert tree == source.tree
    assert not (tmp_path / "work").exists()


def test_a_mail_with_a_new_file_a_mode_and_a_rename(source: Source, tmp_path: Path) -> None:
    mail = tmp_path / "0001.patch"
    mail.write_text(
        "From 1234 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH] x\n\n"
        "Words about it.\n---\n lib/new.sh | 1 +\n\n"
        "diff --git a/lib/new.sh b/lib/new.sh\nnew file mode 100755\nindex 0000000..1a2485c\n"
        "--- /dev/null\n+++ b/lib/new.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n"
        "diff --git a/other.c b/lib/moved.c\nsimilarity index 100%\n"
        "rename from other.c\nrename to lib/moved.c\n"
        "diff --git a/lib/list.c b/lib/list.c\nold mode 100644\nnew mode 100755\n"
        "-- \n2.39.5\n"
    )
    with patched_tree(source, [mail], digests([mail]), tmp_path / "work", Notes()) as tree:
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) & 0o111 for p in (tree / "lib").iterdir()}
        assert modes == {"new.sh": 0o111, "moved.c": 0, "list.c": 0o111}
        assert not (tree / "other.c").exists()
    assert stat.S_IMODE((source.tree / "lib" / "list.c").stat().st_mode) & 0o111 == 0
    assert (source.tree / "other.c").exists()


def test_what_does_not_apply_is_named_by_patch_file_and_hunk(
    source: Source, patch: Patch, tmp_path: Path
) -> None:
    wrong = {"lib/list.c": changed(30, by="unlike"), "other.c": "int x;\n"}
    made = patch(
        "0007-fix.patch",
        {"other.c": "int y;\n", "lib/list.c": changed(5, 30)},
        before=wrong,
    )
    with pytest.raises(UserError) as caught:
        applied(source, [made], tmp_path)
    assert caught.value.what == "the patch 0007-fix.patch does not apply"
    assert "error: patch failed: lib/list.c:27 (hunk 2, @@ -27,7 +27,7 @@" in caught.value.why
    assert "hunk 1" not in caught.value.why
    assert "until" in caught.value.hint


def test_a_patch_that_the_version_has_already_is_reported_as_such(
    source: Source, patch: Patch, tmp_path: Path
) -> None:
    made = patch("fix.patch", {"lib/list.c": changed(5)})
    (source.tree / "lib" / "list.c").write_text(changed(5))
    with pytest.raises(UserError) as caught:
        applied(source, [made], tmp_path)
    assert caught.value.what == f"linux {source.version} has the patch fix.patch already"
    assert "--patch" in caught.value.hint
    before = KernelVersion(source.version.series, source.version.patch - 1)
    assert f'until = "{before}"' in caught.value.hint


def test_a_patch_that_the_tree_has_in_part_does_not_apply(
    source: Source, patch: Patch, tmp_path: Path
) -> None:
    made = patch("fix.patch", {"lib/list.c": changed(5, 30)})
    (source.tree / "lib" / "list.c").write_text(changed(5))
    with pytest.raises(UserError, match="hunk 1, @@ -2,7"):
        applied(source, [made], tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no patch at all\n",
        "--- a/other.c\n+++ b/other.c\n@@ -1 +1 @@\n-int x;\n",
        "--- a/none.c\n+++ b/none.c\n@@ -1 +1 @@\n-int x;\n+int y;\n",
        "--- a/../../outside\n+++ b/../../outside\n@@ -0,0 +1 @@\n+evil\n",
        "--- /dev/null\n+++ b/../outside\n@@ -0,0 +1 @@\n+evil\n",
    ],
)
def test_what_is_no_patch_for_this_tree(source: Source, tmp_path: Path, text: str) -> None:
    bad = tmp_path / "bad.patch"
    bad.write_text(text)
    with pytest.raises(UserError, match=r"bad\.patch does not apply") as caught:
        applied(source, [bad], tmp_path)
    assert caught.value.why
    assert not list(tmp_path.rglob("outside"))


def test_nothing_is_written_through_a_link(source: Source, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (source.tree / "out").symlink_to(tmp_path / "secret")
    bad = tmp_path / "bad.patch"
    bad.write_text("--- /dev/null\n+++ b/out/file\n@@ -0,0 +1 @@\n+evil\n")
    with pytest.raises(UserError, match="does not apply"):
        applied(source, [bad], tmp_path)
    assert list((tmp_path / "secret").iterdir()) == []


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_a_repository_in_the_tree_has_no_say(
    source: Source, patch: Patch, tmp_path: Path, kind: str
) -> None:
    subprocess.run(["git", "init", "-q", str(source.tree)], check=True)
    ran = tmp_path / "ran"
    config = ["config", "core.fsmonitor", f"touch {ran}"]
    subprocess.run(["git", "-C", str(source.tree), *config], check=True)
    if kind == "file":
        (source.tree / ".git").rename(tmp_path / "repository")
        (source.tree / ".git").write_text(f"gitdir: {tmp_path / 'repository'}\n")
    made = patch("fix.patch", {"lib/list.c": changed(5)})
    files = applied(source, [made], tmp_path)
    assert files["lib/list.c"] == changed(5)
    assert not any(name.startswith(".git") for name in files)
    assert (source.tree / ".git").exists()
    assert not ran.exists()


def test_started_from_a_hook_of_a_repository(
    source: Source, patch: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = patch("fix.patch", {"lib/list.c": changed(5)})
    subprocess.run(["git", "init", "-q", str(tmp_path / "outer")], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "outer" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "outer"))
    assert applied(source, [made], tmp_path)["lib/list.c"] == changed(5)


def test_below_a_repository(
    source: Source, patch: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache in somebody's checkout: `git apply` would look for the paths in that."""
    made = patch("fix.patch", {"lib/list.c": changed(5)})
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    assert applied(source, [made], tmp_path)["lib/list.c"] == changed(5)


def test_what_a_patch_writes_can_be_read_by_others_whatever_the_umask(
    source: Source, patch: Patch, tmp_path: Path, notes: Notes
) -> None:
    """The sandbox may be entered as another user."""
    changed = patch("a.patch", {"lib/list.c": "short\n"})
    new = "diff --git a/new/file.c b/new/file.c\nnew file mode 100644\n--- /dev/null\n"
    changed.write_text(changed.read_text() + new + "+++ b/new/file.c\n@@ -0,0 +1 @@\n+int y;\n")
    before = os.umask(0o077)
    try:
        with patched_tree(source, [changed], digests([changed]), tmp_path / "work", notes) as tree:
            files = [path for path in tree.rglob("*") if path.is_file()]
            assert {path.name for path in files} >= {"list.c", "file.c"}
            assert all(path.stat().st_mode & 0o044 == 0o044 for path in files)
            directories = [path for path in tree.rglob("*") if path.is_dir()]
            assert all(path.stat().st_mode & 0o055 == 0o055 for path in directories)
    finally:
        os.umask(before)
