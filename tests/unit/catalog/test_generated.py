"""What is made from the catalog and its form: the tables in documents, the schema for editors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ingot import catalog
from ingot.catalog import Catalog, catalog_form, catalog_tables
from ingot.errors import UserError
from tests.support.catalogs import SMALL, load
from tests.support.places import REPOSITORY

RENEW = "run scripts/update-catalog-files"


def cells(table: str, first: str) -> list[str]:
    """The cells of the row that begins so."""
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


# This repository's


def test_the_documents_of_this_repository_have_the_tables_as_they_are_now() -> None:
    found = catalog.load(REPOSITORY / "kernels")
    assert "<!-- kernels: begin -->" in (REPOSITORY / "README.md").read_text()
    assert "<!-- verbs: begin -->" in (REPOSITORY / "docs/checks.md").read_text()
    assert catalog_tables.renewals(found) == {}, RENEW


def test_the_schema_of_this_repository_is_as_the_form_is_now() -> None:
    text = (REPOSITORY / "kernels" / catalog_form.SCHEMA_NAME).read_text()
    assert text == catalog_form.schema(), RENEW


def test_the_file_of_this_repository_names_its_schema() -> None:
    text = (REPOSITORY / "kernels" / "kernels.toml").read_text()
    assert text.startswith(f"#:schema ./{catalog_form.SCHEMA_NAME}\n")


# Tables


def test_a_series_has_a_row_the_newest_first(small: Catalog) -> None:
    table = catalog_tables.kernels_table(small)
    assert re.findall(r"^\| (\S+) \|", table, re.MULTILINE) == ["series", "6.1", "5.10", "4.19"]
    assert cells(table, "series")[4:6] == ["firecracker", "qemu"]
    assert cells(table, "5.10") == [
        "5.10",
        "`5.10.262`, `5.10.9`",
        "x86_64, arm64",
        "2026-12-31",
        "since 1.0.0 (arm64 experimental)",
        "yes",
        "default, minimal",
    ]
    assert cells(table, "6.1")[3:5] == ["unknown", "yes (arm64 experimental)"]
    assert cells(table, "4.19")[5] == "no"


def test_a_vmm_that_boots_some_arches_is_told_with_them(tmp_path: Path) -> None:
    found = load(tmp_path, SMALL.replace('arches = ["x86_64"]\n', ""))
    assert cells(catalog_tables.kernels_table(found), "4.19")[5] == "yes (arm64 only)"


def test_flavors_and_features_have_tables_too(small: Catalog) -> None:
    flavors, features = catalog_tables.flavors_table(small), catalog_tables.features_table(small)
    assert cells(flavors, "`default`")[1:] == [
        *("for nodes", "firecracker, qemu", "containers, kubernetes, landlock")
    ]
    assert cells(flavors, "`minimal`")[3] == "none"
    assert cells(features, "`kubernetes`")[1:] == ["nodes", "containers", ""]
    assert cells(features, "`sandbox`")[1:] == ["", "landlock", "5.13"]


def test_a_text_with_a_bar_in_it_breaks_no_table(tmp_path: Path) -> None:
    found = load(tmp_path, SMALL.replace('"for nodes"', '"a|b"'))
    assert r"| a\|b |" in catalog_tables.flavors_table(found)


def test_tables_are_put_between_their_comments(small: Catalog) -> None:
    text = """\
before
<!-- kernels: begin -->
old
<!-- kernels: end -->
between
<!-- features: begin -->
<!-- features: end -->
after
"""
    new = catalog_tables.renew(text, small)
    assert "old" not in new
    assert new.startswith("before\n<!-- kernels: begin -->\n| series |")
    assert "<!-- kernels: end -->\nbetween\n<!-- features: begin -->\n| feature |" in new
    assert new.endswith("|\n<!-- features: end -->\nafter\n")
    assert catalog_tables.renew(new, small) == new


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<!-- kernels: begin -->\n", "does not end"),
        (
            "<!-- kernels: end -->\n",
            "does not begin a known table: the tables are kernels, flavors, features",
        ),
        ("<!-- kernel: begin -->\n<!-- kernel: end -->\n", "does not begin a known table"),
        ("<!-- kernels: begin -->\n<!-- features: end -->\n", "does not end"),
        ("<!-- kernels: begin -->\n<!-- kernels: begin -->\n", "does not end"),
    ],
)
def test_comments_that_do_not_pair_are_told_with_the_file(
    small: Catalog, text: str, says: str
) -> None:
    readme = small.root.parent / "README.md"
    readme.write_text(text)
    with pytest.raises(UserError, match=rf"README\.md: .*{says}"):
        catalog_tables.renewals(small)


def test_documents_without_comments_are_left_alone(small: Catalog) -> None:
    assert catalog_tables.renewals(small) == {}
    (small.root.parent / "README.md").write_text("<!-- something else -->\n")
    assert catalog_tables.renewals(small) == {}


# The schema


def test_the_schema_knows_every_key_and_says_what_it_is_for() -> None:
    schema = json.loads(catalog_form.schema())
    for name, table in schema["$defs"].items():
        assert table["additionalProperties"] is False, name
        for key, value in table["properties"].items():
            assert value.get("description"), f"{name}.{key}"
    (series,) = schema["properties"]["series"]["patternProperties"]
    assert re.search(series, "6.1")
    assert not re.search(series, "6.1.176")


def test_the_schema_knows_no_null_as_toml_does_not() -> None:
    assert "null" not in catalog_form.schema()
