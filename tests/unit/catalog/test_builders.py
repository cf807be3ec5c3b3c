"""Builders in a catalog: their kinds, what each may be told, and which one is meant by a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot import catalog
from ingot.arch import arch
from ingot.catalog import BuilderSpec, Catalog, builder_tables, catalog_form
from ingot.catalog.toolchain_choice import minimums
from ingot.errors import UserError
from ingot.version import Series
from tests.support.catalogs import SMALL, changed, line_of, load, mistakes
from tests.support.places import REPOSITORY

BUILDERS = (
    SMALL
    + """
[builders.focal]
suite = "focal"
more_suites = ["focal-updates"]
components = ["main", "universe"]
packages = ["bc"]
packages_on.x86_64 = ["gcc-aarch64-linux-gnu"]
packages_on.arm64 = ["gcc-x86-64-linux-gnu", "bc"]
mirror = "http://mirror.example/ubuntu/"
keyring = "keyrings/ubuntu.gpg"
locked = true

[builders.clang]
suite = "bookworm"
packages = ["clang"]
llvm = true

[builders.mine]
kind = "host"
llvm = true
"""
)
OLD = '[builders.old]\nsuite = "bullseye"\n'


def test_a_builder_of_packages_says_where_they_come_from(tmp_path: Path) -> None:
    found = load(tmp_path, BUILDERS).builders
    assert list(found) == ["bookworm", "old", "focal", "clang", "mine"]
    assert found["focal"] == BuilderSpec(
        "focal",
        "focal",
        ("bc",),
        "rootfs",
        {"x86_64": ("gcc-aarch64-linux-gnu",), "arm64": ("gcc-x86-64-linux-gnu", "bc")},
        ("focal-updates",),
        ("main", "universe"),
        "http://mirror.example/ubuntu",
        "keyrings/ubuntu.gpg",
        locked=True,
    )
    assert found["clang"].llvm
    assert found["mine"] == BuilderSpec("mine", kind="host", llvm=True)
    assert found["old"].components == ("main",)


def test_packages_may_be_for_machines_of_one_arch(tmp_path: Path) -> None:
    focal = load(tmp_path, BUILDERS).builders["focal"]
    assert focal.packages_for(arch("x86_64")) == ("bc", "gcc-aarch64-linux-gnu")
    assert focal.packages_for(arch("arm64")) == ("bc", "gcc-x86-64-linux-gnu")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('kind = "docker"', "builders.old: there is no kind of builders 'docker' (known: rootfs"),
        ("kind = 3", "there is no kind of builders '3'"),
        ('mirror = "ftp://mirror"', "is not a URL that begins with http:// or https://"),
        ('mirror = "http://mirror/ubuntu [trusted=yes]"', "is not a URL"),
        ('keyring = "my keys.gpg"', "is not a path without spaces"),
        ("components = []", "builders.old.components: this must not be empty"),
        ('packages_on.mips = ["bc"]', "builders.old.packages_on.mips: 'mips' is not an arch"),
        ('packages_on.arm64 = "bc"', "builders.old.packages_on.arm64: this must be a list"),
        ('pakages = ["bc"]', "there is no such key (did you mean 'packages'?)"),
        ("llvm = 1", "builders.old.llvm: this must be true or false"),
    ],
)
def test_a_mistake_in_a_builder_is_told_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    text = changed(OLD, f"{OLD}{line}\n")
    found = [message for message in mistakes(tmp_path, text) if says in message]
    assert found
    at = line_of(text, "[builders.old]" if line.startswith("kind") else line)
    assert found[0].startswith(f"kernels.toml:{at}: ")


def test_the_machines_own_compiler_is_told_nothing_of_packages(tmp_path: Path) -> None:
    text = changed(OLD, '[builders.old]\nkind = "host"\nsuite = "bullseye"\nfoo = 1\n')
    assert [line.split(": ", 2)[1:] for line in mistakes(tmp_path, text)] == [
        ["builders.old.suite", "a builder of the kind 'host' has no such key (known: llvm, kind)"],
        [
            "builders.old.foo",
            "there is no such key (known: "
            + ", ".join(builder_tables.RootfsBuilderTable.model_fields)
            + ")",
        ],
        [
            "builders.old.packages",
            "a builder of the kind 'host' has no such key (known: llvm, kind)",
        ],
    ]


def test_a_builder_is_not_named_after_a_kind_that_it_is_not_of(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, SMALL + '[builders.host]\nsuite = "x"\npackages = ["bc"]\n')
    assert (
        "builders.host: 'host' is also a kind of builder, and this one is of another kind" in line
    )
    assert load(tmp_path, SMALL + '[builders.host]\nkind = "host"\n').builders["host"]


def test_editors_are_told_the_form_of_each_kind() -> None:
    schema = json.loads(catalog_form.schema())
    names = {
        ref["$ref"].rpartition("/")[2]
        for ref in next(iter(schema["properties"]["builders"]["patternProperties"].values()))[
            "oneOf"
        ]
    }
    assert names == {table.__name__ for table in builder_tables.BUILDER_TABLES.values()}
    assert schema["$defs"]["HostBuilderTable"]["required"] == ["kind"]


# What --builder means


@pytest.mark.parametrize(
    ("kernel", "word", "meant"),
    [
        ("6.1.176", "clang", "clang"),
        ("6.1.176", "rootfs", "bookworm"),
        ("4.19.325", "rootfs", "old"),  # its own, which is of that kind
        ("6.1.176", "host", "mine"),
    ],
)
def test_a_word_means_a_builder_by_name_or_by_kind(
    tmp_path: Path, kernel: str, word: str, meant: str
) -> None:
    found = load(tmp_path, BUILDERS)
    (one,) = found.select([kernel], arches=["x86_64"])
    assert found.compiled_in(one, word).builder == found.builders[meant]


IMAGE = """
[builders.box]
kind = "container"
image = "{image}"
"""


@pytest.mark.parametrize(
    "image",
    [
        "docker.io/library/ubuntu:20.04",
        f"registry.example:5000/a/b@sha256:{'0' * 64}",
        "oci:/images:kernel-builder:bookworm",
        "debian",
    ],
)
def test_an_image_is_a_builder(tmp_path: Path, image: str) -> None:
    text = SMALL + IMAGE.format(image=image) + 'packages = ["gcc", "bc", "gcc"]\n'
    found = load(tmp_path, text)
    spec = found.builders["box"]
    assert spec == BuilderSpec("box", kind="container", image=image, packages=("bc", "gcc"))
    assert found.compiled_in(found.kernels[0], "container").builder == spec


@pytest.mark.parametrize("image", ["", "-v", "a b", "$(id)", "a\\nRUN id", "ubuntu;id"])
def test_what_is_no_name_of_an_image_is_refused(tmp_path: Path, image: str) -> None:
    with pytest.raises(UserError, match="image"):
        load(tmp_path, SMALL + IMAGE.format(image=image))


def test_the_machines_own_compiler_needs_no_table(small: Catalog) -> None:
    made = small.compiled_in(small.kernels[0], "host")
    assert made.builder == BuilderSpec("host", kind="host")
    assert made.version == small.kernels[0].version


def test_a_word_that_means_none_is_told_with_what_there_is(small: Catalog) -> None:
    with pytest.raises(UserError, match="no builder 'clang'") as caught:
        small.compiled_in(small.kernels[0], "clang")
    assert caught.value.why == (
        "the builders of the catalog and their kinds are: bookworm, old, rootfs, container, host"
    )


# The oldest tools


def test_a_series_needs_what_the_newest_listed_before_it_does(tmp_path: Path) -> None:
    path = tmp_path / "toolchain.toml"
    assert minimums(path, Series(6, 1)) == {}
    path.write_text('[series."5.10"]\ngcc = "4.9"\n[series."6.15"]\ngcc = "8.1"\n')
    assert minimums(path, Series(5, 4)) == {}
    assert minimums(path, Series(5, 10)) == {"gcc": "4.9"}
    assert minimums(path, Series(6, 14)) == {"gcc": "4.9"}
    assert minimums(path, Series(6, 18)) == {"gcc": "8.1"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[series."6.1"]\ngcc = 5\n', "toolchain.toml:2: series.6.1.gcc: this must be text"),
        ('[series.new]\ngcc = "5"\n', "toolchain.toml:1: series.new: 'new' is not a series"),
        ('gcc = "5"\n', "toolchain.toml:1: gcc: there is no such key"),
        ("", "series: this is missing"),
        ("[series", "is not valid TOML"),
        ("\xff", "is not UTF-8 text"),
        ('[series."6.1"]\ngcc = "5.x"\n', "gcc: '5.x' is not a version such as 5.1"),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "toolchain.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError) as caught:
        minimums(path, Series(6, 1))
    assert says in f"{caught.value.what}\n{caught.value.why}"


def test_every_series_of_this_repository_has_its_minimums() -> None:
    real = catalog.load(REPOSITORY / "kernels")
    for series in {kernel.version.series for kernel in real.kernels}:
        assert {"gcc", "make", "binutils", "flex", "bison"} <= real.minimums(series).keys()
    assert real.minimums(Series(6, 18))["clang"] == "15.0.0"
