"""Which kernels are not what they were at a commit: what counts as a change, and what does not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot import catalog as catalogs
from ingot.catalog import Catalog
from ingot.changes import PROJECT_FILES, changed_since, sample
from ingot.errors import UserError
from tests.support.progress import Recorder

PIN = "ab" * 32
CATALOG = f"""\
[defaults]
builder = "bookworm"
arches = ["x86_64", "arm64"]
flavors = ["default", "minimal"]

[origins]
order = ["kernel.org", "debian"]
debian_suites = ["bookworm"]

[builders.bookworm]
suite = "bookworm"
packages = ["bc"]

[builders.old]
suite = "bullseye"
packages = ["bc"]

[vmms.firecracker]
[features.bpf]
[features.spare]

[flavors.default]
vmms = ["firecracker"]
features = ["bpf"]

[flavors.minimal]
like = "default"
features = []

[series."5.10"]
builder = "old"
[series."5.10".versions."5.10.262".sha256]
debian = "{PIN}"
"kernel.org" = "{PIN}"

[series."6.1"]
[series."6.1".versions."6.1.176".sha256]
debian = "{PIN}"
"""
FRAGMENTS = {
    "base/linux": "CONFIG_MODULES=y\n",
    "base/x86_64": "CONFIG_PVH=y\n",
    "base/arm64": "CONFIG_EFI=n\n",
    "vmm/firecracker": "CONFIG_VIRTIO_BLK=y\n",
    "feature/bpf": "CONFIG_BPF_SYSCALL=y\nCONFIG_BTF=y\n",
    "feature/spare": "CONFIG_SPARE=y\n",
}
ALL = {
    f"{version}{flavor}{arch}"
    for version in ("5.10.262", "6.1.176")
    for flavor in ("", "-minimal")
    for arch in ("", "-arm64")
}
NOWHERE = Path("/nonexistent/src/ingot")


class Repository:
    """A git repository with a catalog in it, at its top or in a directory."""

    def __init__(self, top: Path, directory: str) -> None:
        self.top = top
        self.root = top / directory
        self.root.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        (self.root / "kernels.toml").write_text(CATALOG)
        (self.root / "rules.toml").touch()
        for name, text in FRAGMENTS.items():
            self.write(f"fragments/{name}.config", text)
        self.write("keyrings/kernel.org.gpg", "keys\n")
        self.commit()

    def git(self, *words: str) -> str:
        identity = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "commit.gpgsign=no",
        ]
        argv = ["git", "-C", str(self.top), *identity, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, old: str, new: str) -> None:
        text = (self.root / "kernels.toml").read_text()
        assert old in text
        self.write("kernels.toml", text.replace(old, new))

    @property
    def catalog(self) -> Catalog:
        return catalogs.load(self.root)

    def changed(
        self, ref: str = "HEAD", listener: Recorder | None = None, package: Path = NOWHERE
    ) -> dict[str, str]:
        """Why each kernel has changed, by its tag."""
        catalog = self.catalog
        kernels = catalog.kernels
        found = changed_since(ref, catalog, kernels, listener or Recorder(), package=package)
        return {change.kernel.tag: change.reason for change in found}


@pytest.fixture(params=["kernels", "a b/ünï/kernels", "."], ids=["directory", "deep", "top"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    return Repository(tmp_path / "repository", request.param)


@pytest.fixture
def simple(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository", "kernels")


def kernels_of(version: str) -> set[str]:
    return {tag for tag in ALL if tag.startswith(version)}


def test_without_a_difference_nothing_has_changed(repository: Repository) -> None:
    assert repository.changed() == {}


def test_what_a_fragment_asks_for_changes_the_kernels_that_use_it(repository: Repository) -> None:
    repository.write("fragments/feature/bpf.config", "CONFIG_BPF_SYSCALL=y\nCONFIG_BTF=n\n")
    found = repository.changed()
    assert set(found) == {tag for tag in ALL if "minimal" not in tag}
    assert set(found.values()) == {"changed: config"}


def test_committed_or_not_makes_no_difference(repository: Repository) -> None:
    before = repository.commit()
    repository.write("fragments/base/arm64.config", "CONFIG_EFI=y\n")
    expected = {tag for tag in ALL if tag.endswith("-arm64")}
    assert set(repository.changed(before)) == expected
    repository.commit()
    assert set(repository.changed(before)) == expected
    assert repository.changed() == {}


@pytest.mark.parametrize(
    "text",
    [
        "# Why bpf is here.\nCONFIG_BPF_SYSCALL=y   # a word\n\nCONFIG_BTF=y\n",
        "CONFIG_BTF=y\nCONFIG_BPF_SYSCALL=y\n",
        "CONFIG_BTF=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_OLD=y  # until 4.19: gone\n",
    ],
    ids=["comments", "order", "other series"],
)
def test_what_changes_no_wish_changes_no_kernel(simple: Repository, text: str) -> None:
    simple.write("fragments/feature/bpf.config", text)
    assert simple.changed() == {}


def test_a_line_for_some_series_changes_those_alone(simple: Repository) -> None:
    simple.write(
        "fragments/vmm/firecracker.config", "CONFIG_VIRTIO_BLK=y\nCONFIG_NEW=y # since 6.0\n"
    )
    assert set(simple.changed()) == kernels_of("6.1.176")


def test_a_new_version_is_new_and_alone(simple: Repository) -> None:
    simple.replace('[series."6.1"]\n', '[series."6.1"]\n[series."6.1".versions."6.1.180"]\n')
    assert simple.changed() == dict.fromkeys(
        (f"6.1.180{flavor}{arch}" for flavor in ("", "-minimal") for arch in ("", "-arm64")),
        "it is new",
    )


def test_a_flavor_more_is_new(simple: Repository) -> None:
    simple.replace(
        "[flavors.minimal]",
        '[flavors.fat]\nlike = "default"\nfeatures = ["spare"]\n[flavors.minimal]',
    )
    simple.replace('flavors = ["default", "minimal"]', 'flavors = ["default", "minimal", "fat"]')
    assert set(simple.changed()) == {
        f"{version}-fat{arch}" for version in ("5.10.262", "6.1.176") for arch in ("", "-arm64")
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[flavors.default]\n", '[flavors.default]\nabout = "for nodes"\n'),
        ('[series."6.1"]\n', '[series."6.1"]\nend_of_life = 2030-01-01\n'),
        ('[series."6.1"]\n', '[series."6.1"]\nsupported_by = { firecracker = "1.9.0" }\n'),
        ("[defaults]\n", "# all of it\n[defaults]\n"),
        ('packages = ["bc"]', 'packages = ["bc", "bc"]'),
        ("[features.spare]\n", '[features.spare]\nneeds = ["bpf"]\n'),
    ],
    ids=["about", "end of life", "support", "comment", "twice", "unused feature"],
)
def test_words_about_a_kernel_do_not_change_it(simple: Repository, old: str, new: str) -> None:
    simple.replace(old, new)
    assert simple.changed() == {}


def test_another_pin_is_another_source(simple: Repository) -> None:
    text = (simple.root / "kernels.toml").read_text()
    head, tail = text.rsplit(PIN, 1)
    simple.write("kernels.toml", f"{head}{'cd' * 32}{tail}")
    assert simple.changed() == dict.fromkeys(
        (kernel.tag for kernel in simple.catalog.kernels if str(kernel.version) == "6.1.176"),
        "changed: source",
    )


def test_where_a_pinned_source_is_looked_for_decides_nothing(simple: Repository) -> None:
    simple.replace('debian_suites = ["bookworm"]', 'debian_suites = ["bookworm", "trixie"]')
    assert simple.changed() == {}


def test_who_vouches_for_a_source_decides_where_it_is_not_pinned(simple: Repository) -> None:
    simple.write("keyrings/kernel.org.gpg", "other keys\n")
    assert set(simple.changed()) == kernels_of("6.1.176")


def test_ends_of_lines_that_a_checkout_converts_are_not_a_change(simple: Repository) -> None:
    simple.git("config", "core.autocrlf", "true")
    (simple.root / "keyrings" / "kernel.org.gpg").write_bytes(b"keys\r\n")
    assert simple.changed() == {}


def test_a_commit_is_what_its_id_says_not_what_replaces_it(simple: Repository) -> None:
    first = simple.git("rev-parse", "HEAD")
    simple.write("fragments/base/x86_64.config", "CONFIG_PVH=n\n")
    simple.git("replace", first, simple.commit())
    assert simple.changed(first)


def test_the_order_of_origins_decides_which_source_is_taken(simple: Repository) -> None:
    simple.replace('["kernel.org", "debian"]', '["debian", "kernel.org"]')
    assert set(simple.changed()) == ALL


def test_a_builder_changes_what_is_compiled_in_it(simple: Repository) -> None:
    simple.replace(
        'suite = "bullseye"\npackages = ["bc"]', 'suite = "bullseye"\npackages = ["zstd"]'
    )
    assert simple.changed() == dict.fromkeys(sorted(kernels_of("5.10")), "changed: builder")


def test_the_lock_file_of_a_builder_is_part_of_it(simple: Repository) -> None:
    simple.write("builders/bookworm-x86_64.lock", "bc:amd64=1.07\n")
    assert set(simple.changed()) == kernels_of("6.1.176")


def test_a_patch_changes_its_series(simple: Repository) -> None:
    simple.write("patches/6.1/0001-x.patch", "--- a\n+++ b\n")
    assert simple.changed() == dict.fromkeys(sorted(kernels_of("6.1.176")), "changed: patches")
    simple.commit()
    simple.write("patches/6.1/0001-x.patch", "--- a\n+++ c\n")
    assert set(simple.changed()) == kernels_of("6.1.176")
    (simple.root / "patches/6.1/0001-x.patch").unlink()
    assert set(simple.changed()) == kernels_of("6.1.176")


def test_a_full_config_by_hand_takes_the_place_of_the_fragments(simple: Repository) -> None:
    simple.write("configs/linux-x86_64-6.1.176.config", "CONFIG_MODULES=y\n")
    assert set(simple.changed()) == {"6.1.176"}
    simple.commit()
    simple.write("fragments/base/linux.config", "CONFIG_MODULES=n\n")
    assert set(simple.changed()) == ALL - {"6.1.176"}


def test_rules_decide_no_byte(simple: Repository) -> None:
    simple.write(
        "rules.toml",
        '[[rules]]\nname = "a"\nrequire = "MODULES"\nreason = "r"\nsource = "s"\n',
    )
    assert simple.changed() == {}


def test_another_primary_arch_tags_otherwise(simple: Repository) -> None:
    simple.replace('arches = ["x86_64", "arm64"]', 'arches = ["arm64", "x86_64"]')
    found = simple.changed()
    assert len(found) == len(ALL)
    assert set(found.values()) == {"changed: tag"}


def test_only_kernels_that_were_asked_about_are_told(simple: Repository) -> None:
    simple.write("fragments/base/linux.config", "CONFIG_MODULES=n\n")
    catalog = simple.catalog
    asked = catalog.select(["6.1-minimal"])
    found = changed_since("HEAD", catalog, asked, Recorder(), package=NOWHERE)
    assert [change.kernel.tag for change in found] == ["6.1.176-minimal"]


def test_a_variant_that_no_catalog_lists_is_always_new(simple: Repository) -> None:
    catalog = simple.catalog
    asked = catalog.select(["6.1-with-spare"])
    found = changed_since("HEAD", catalog, asked, Recorder(), package=NOWHERE)
    assert [change.reason for change in found] == ["it is new"]


# What there is to compare with


@pytest.mark.parametrize("zeros", ["0" * 40, "0" * 64])
def test_before_the_first_commit_there_was_nothing(repository: Repository, zeros: str) -> None:
    assert set(repository.changed(zeros)) == ALL


def test_a_few_zeros_are_a_name_like_any_other(simple: Repository) -> None:
    with pytest.raises(UserError, match="does not know the commit '000'"):
        simple.changed("000")


def test_tags_and_branches_are_commits_too(repository: Repository) -> None:
    repository.git("tag", "-a", "v1", "-m", "x")
    repository.git("branch", "topic")
    repository.write("fragments/base/linux.config", "CONFIG_MODULES=n\n")
    repository.commit()
    for name in ("v1", "topic", "HEAD~1", "HEAD^1"):
        assert set(repository.changed(name)) == ALL
    assert repository.changed("main") == {}


def test_a_name_that_a_tag_and_a_branch_share_is_still_one_commit(simple: Repository) -> None:
    """Git prints a warning about it, which is no part of the answer."""
    simple.git("tag", "both")
    simple.git("branch", "both")
    assert simple.changed("both") == {}


@pytest.mark.parametrize(
    "ref", ["nowhere", "", " ", "-1", "--help", "HEAD:kernels", "a\nb", "f" * 40]
)
def test_what_is_no_commit_is_refused(simple: Repository, ref: str) -> None:
    with pytest.raises(UserError) as caught:
        simple.changed(ref)
    assert "does not know the commit" in caught.value.what
    assert "fetch-depth" not in caught.value.hint


def test_a_shallow_clone_is_told_of(simple: Repository, tmp_path: Path) -> None:
    first = simple.commit()
    simple.commit()
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{simple.top}", str(tmp_path / "clone")],
        check=True,
    )
    simple.root = tmp_path / "clone" / "kernels"
    with pytest.raises(UserError) as caught:
        simple.changed(first)
    assert "shallow" in caught.value.why
    assert "fetch-depth: 0" in caught.value.hint


def test_outside_of_any_repository_there_is_nothing_to_compare_with(
    simple: Repository, tmp_path: Path
) -> None:
    shutil.copytree(simple.root, tmp_path / "kernels")
    simple.root = tmp_path / "kernels"
    with pytest.raises(UserError) as caught:
        simple.changed()
    assert "is not in a git repository" in caught.value.what
    assert "--changed-since" in caught.value.hint


def test_a_catalog_that_was_not_there_is_all_new(simple: Repository) -> None:
    simple.root.rename(simple.top / "moved")
    simple.root = simple.top / "moved"
    assert simple.changed() == dict.fromkeys(
        (kernel.tag for kernel in simple.catalog.kernels),
        "there is no earlier catalog to compare with",
    )


def test_a_catalog_of_another_form_is_told_of_and_all_counts_as_changed(
    simple: Repository, recorder: Recorder
) -> None:
    simple.replace("[defaults]\n", "[old_form]\nx = 1\n[defaults]\n")
    simple.commit()
    simple.replace("[old_form]\nx = 1\n", "")
    assert set(simple.changed(listener=recorder)) == ALL
    assert "cannot be read" in recorder.notes[0]
    assert "old_form" in recorder.notes[0]


def test_a_fragment_that_was_broken_is_a_change_of_what_used_it(simple: Repository) -> None:
    simple.write("fragments/feature/bpf.config", "this is none\n")
    simple.commit()
    simple.write("fragments/feature/bpf.config", FRAGMENTS["feature/bpf"])
    found = simple.changed()
    assert set(found) == {tag for tag in ALL if "minimal" not in tag}
    assert all("not a Kconfig assignment" in reason for reason in found.values())


def test_a_catalog_that_is_broken_now_is_the_users_mistake(simple: Repository) -> None:
    simple.write("fragments/feature/bpf.config", "this is none\n")
    with pytest.raises(UserError, match="not a Kconfig assignment"):
        simple.changed()


def test_what_git_does_to_files_on_checkout_is_no_difference(simple: Repository) -> None:
    (simple.top / ".gitattributes").write_text("*.config text eol=crlf\n*.config export-ignore\n")
    simple.commit()
    shutil.rmtree(simple.root / "configs", ignore_errors=True)
    simple.write("configs/linux-x86_64-6.1.176.config", "CONFIG_MODULES=y\n")
    simple.commit()
    (simple.root / "configs/linux-x86_64-6.1.176.config").unlink()
    simple.git("checkout", "--quiet", "--", ".")
    assert b"\r\n" in (simple.root / "configs/linux-x86_64-6.1.176.config").read_bytes()
    assert simple.changed() == {}


def test_nothing_of_the_repository_is_touched(simple: Repository) -> None:
    simple.write("fragments/base/linux.config", "CONFIG_MODULES=n\n")
    (simple.top / "staged").write_text("x")
    simple.git("add", "staged")
    before = simple.git("status", "--porcelain", "--ignored")
    simple.changed()
    assert simple.git("status", "--porcelain", "--ignored") == before


# Ingot in the repository


@pytest.fixture
def with_tool(simple: Repository) -> Repository:
    package = simple.top / "src" / "ingot"
    package.mkdir(parents=True)
    (package / "compile.py").write_text("1\n")
    (simple.top / "docs").mkdir()
    (simple.top / "docs" / "x.md").write_text("1\n")
    for name in PROJECT_FILES:
        (simple.top / name).write_text("1\n")
    simple.commit()
    return simple


@pytest.mark.parametrize("name", ["src/ingot/compile.py", "src/ingot/new.py", *PROJECT_FILES])
def test_ingot_itself_changes_every_kernel(with_tool: Repository, name: str) -> None:
    package = with_tool.top / "src" / "ingot"
    assert with_tool.changed(package=package) == {}
    (with_tool.top / name).write_text("2\n")
    found = with_tool.changed(package=package)
    assert set(found) == ALL
    assert set(found.values()) == {f"Ingot itself has changed: {name}"}


@pytest.mark.parametrize(
    "name", ["docs/x.md", "src/other.py", "tests/x.py", "src/ingot/__pycache__/compile.pyc"]
)
def test_what_is_beside_ingot_changes_none(with_tool: Repository, name: str) -> None:
    path = with_tool.top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("2\n")
    assert with_tool.changed(package=with_tool.top / "src" / "ingot") == {}


def test_an_ingot_of_another_repository_says_nothing_about_this_one(
    with_tool: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other", "kernels")
    (with_tool.top / "src/ingot/compile.py").write_text("2\n")
    assert other.changed(package=with_tool.top / "src" / "ingot") == {}
    assert other.changed(package=tmp_path) == {}


# A sample


def sampled(catalog: Catalog, keep: Callable[[str], bool] = lambda tag: True) -> list[str]:
    given = [kernel for kernel in catalog.kernels if keep(kernel.tag)]
    return [kernel.tag for kernel in sample(catalog, given)]


def test_a_sample_has_the_smallest_of_each_arch_and_the_fullest_of_one(simple: Repository) -> None:
    assert sampled(simple.catalog) == [
        *("5.10.262", "5.10.262-minimal", "5.10.262-minimal-arm64"),
        *("6.1.176", "6.1.176-minimal", "6.1.176-minimal-arm64"),
    ]


def test_a_sample_is_of_what_was_given(simple: Repository) -> None:
    catalog = simple.catalog
    assert sampled(catalog, lambda tag: "minimal" not in tag) == [
        *("5.10.262", "5.10.262-arm64"),
        *("6.1.176", "6.1.176-arm64"),
    ]
    assert sampled(catalog, lambda tag: tag == "6.1.176-arm64") == ["6.1.176-arm64"]
    assert sampled(catalog, lambda tag: False) == []


def test_a_sample_takes_the_newest_version_of_a_series(simple: Repository) -> None:
    simple.replace('[series."6.1"]\n', '[series."6.1"]\n[series."6.1".versions."6.1.99"]\n')
    assert not any(tag.startswith("6.1.99") for tag in sampled(simple.catalog))
    assert sampled(simple.catalog, lambda tag: tag.startswith("6.1.99")) == [
        *("6.1.99", "6.1.99-minimal", "6.1.99-minimal-arm64"),
    ]
