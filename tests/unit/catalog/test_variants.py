"""Kernels with some features more or less: what they have, their names, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.catalog import Catalog, Kernel
from ingot.errors import UserError
from tests.support.catalogs import SMALL, load


def variant(found: Catalog, name: str, with_: str = "", without: str = "") -> Kernel:
    (kernel,) = found.select([name])
    return found.variant(kernel, with_.split(), without.split())


@pytest.mark.parametrize(
    ("name", "with_", "without", "tag", "features"),
    [
        ("6.1", "bpf", "", "6.1.176-with-bpf", "containers kubernetes bpf landlock"),
        ("6.1", "", "landlock", "6.1.176-without-landlock", "containers kubernetes"),
        (
            "6.1",
            "bpf",
            "landlock",
            "6.1.176-with-bpf-without-landlock",
            "containers kubernetes bpf",
        ),
        (
            "6.1",
            "",
            "kubernetes containers",
            "6.1.176-without-containers-without-kubernetes",
            "landlock",
        ),
        ("6.1-minimal", "bpf", "", "6.1.176-minimal-with-bpf", "bpf"),
        ("6.1-minimal-arm64", "bpf", "", "6.1.176-minimal-with-bpf-arm64", "bpf"),
        # what is needed comes along, and the name says only what was asked for
        (
            "6.1-minimal",
            "kubernetes",
            "",
            "6.1.176-minimal-with-kubernetes",
            "containers kubernetes",
        ),
        (
            "6.1-minimal",
            "sandbox bpf",
            "",
            "6.1.176-minimal-with-bpf-with-sandbox",
            "bpf landlock sandbox",
        ),
        # what is there already is no difference
        ("6.1", "containers", "", "6.1.176", "containers kubernetes landlock"),
        ("6.1", "containers bpf", "", "6.1.176-with-bpf", "containers kubernetes bpf landlock"),
        # a variant of a variant is called as if it were made in one step
        (
            "6.1-with-sandbox",
            "bpf",
            "",
            "6.1.176-with-bpf-with-sandbox",
            "containers kubernetes bpf landlock sandbox",
        ),
        (
            "6.1-without-landlock",
            "bpf",
            "",
            "6.1.176-with-bpf-without-landlock",
            "containers kubernetes bpf",
        ),
    ],
)
def test_a_variant_is_named_after_what_is_different(
    small: Catalog, name: str, with_: str, without: str, tag: str, features: str
) -> None:
    made = variant(small, name, with_, without)
    assert (made.tag, " ".join(made.features)) == (tag, features)
    assert small.select([made.tag]) == [made]


def test_a_variant_is_the_same_kernel_otherwise(small: Catalog) -> None:
    plain, made = variant(small, "6.1-monolithic"), variant(small, "6.1-monolithic", "bpf")
    assert made.flavor.monolithic
    assert (made.vmms, made.pins, made.builder) == (plain.vmms, plain.pins, plain.builder)
    assert small.config_file(made).name == "linux-x86_64-6.1.176-monolithic-with-bpf.config"
    assert "feature/bpf" in made.fragments


@pytest.mark.parametrize(
    ("name", "with_", "without", "says"),
    [
        ("6.1", "bfp", "", "no feature 'bfp'"),
        ("6.1", "", "bfp", "no feature 'bfp'"),
        (
            "6.1",
            "",
            "bpf",
            r"6\.1\.176 does not have bpf, so it cannot be left out: its features are containers",
        ),
        (
            "6.1-minimal",
            "",
            "bpf",
            r"6\.1\.176-minimal does not have bpf, so it cannot be left out: it has no features",
        ),
        ("6.1", "", "containers", "containers cannot be left out: the feature kubernetes needs it"),
        (
            "6.1-minimal",
            "kubernetes",
            "containers",
            "containers is both added and removed|not have con",
        ),
        ("6.1", "bpf", "bpf", "bpf is both added and removed"),
        ("6.1-with-bpf", "", "bpf", "bpf is both added and removed"),
        ("6.1-without-landlock", "landlock", "", "landlock is both added and removed"),
        ("6.1-without-landlock", "sandbox", "", "landlock cannot be left out: the feature sandbox"),
        (
            "5.10",
            "landlock",
            "",
            r"landlock is not available in Linux 5\.10\.262: its first series is",
        ),
        ("5.10", "sandbox", "", r"sandbox is not available in Linux 5\.10\.262: .*series is 5\.13"),
    ],
)
def test_what_cannot_be_is_told(
    small: Catalog, name: str, with_: str, without: str, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        variant(small, name, with_, without)


def test_a_name_that_no_tag_could_hold_is_told(tmp_path: Path) -> None:
    names = [f"a-rather-long-name-{index}" for index in range(5)]
    tables = "".join(f"[features.{name}]\n" for name in names)
    found = load(tmp_path, SMALL.replace("[features.containers]", f"{tables}[features.containers]"))
    assert variant(found, "6.1", " ".join(names[:2])).features[:2] == tuple(names[:2])
    with pytest.raises(UserError, match="too long for an image tag"):
        variant(found, "6.1", " ".join(names))
