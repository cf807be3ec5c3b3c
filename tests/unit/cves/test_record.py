"""A record: which releases have the CVE, and records that cannot be used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.cves.record import RECORD_BYTES, Record, RecordError, parse_record
from ingot.cves.release_ranges import release_number
from tests.support.cve_records import affected, data, mainline, record, unaffected


def parse(document: object) -> Record:
    found = parse_record(data(document))
    assert found is not None
    return found


def is_open(found: Record, release: str) -> bool:
    return found.is_open_in(release_number(release))


# Which releases have it


def test_a_record_is_read() -> None:
    found = parse(record(files=["a.c", "b.h", "a.c"], title="a: b", score=7.8))
    assert (found.cve, found.title, found.files) == ("CVE-2024-50112", "a: b", ("a.c", "b.h"))
    assert found.score == 7.8


def test_a_mistake_is_there_from_its_release_to_its_fix() -> None:
    found = parse(record(versions=mainline("6.4", "6.12", "6.6.59", "6.11.6")))
    for release in ("6.4", "6.4.16", "6.5", "6.6.58", "6.7", "6.10.14", "6.11.5"):
        assert is_open(found, release)
    for release in ("5.10.262", "6.3.13", "6.6.59", "6.6.100", "6.11.6", "6.12", "6.12.1", "7.0"):
        assert not is_open(found, release)


def test_2_6_is_not_a_series() -> None:
    found = parse(record(versions=mainline("2.6.12", "6.12")))
    for release in ("2.6.12", "2.6.39", "3.0", "4.19.325", "6.1.176"):
        assert is_open(found, release)
    assert not is_open(found, "2.6.11")


def test_a_stable_release_of_2_6_32_is_below_the_next_mainline_release() -> None:
    found = parse(record(versions=mainline("2.6.12", "2.6.34", "2.6.32.5")))
    assert is_open(found, "2.6.32.4")
    assert not is_open(found, "2.6.32.5")
    assert is_open(found, "2.6.33")


def test_a_mistake_that_was_never_fixed_is_in_all_later_releases() -> None:
    found = parse(record(versions=mainline("5.4", None)))
    assert is_open(found, "5.4") and is_open(found, "9.9.9")


def test_stable_series_that_a_mistake_was_backported_to_have_it() -> None:
    stable = [affected("6.1.43", lessThan="6.1.78"), affected("6.4.8", lessThan="6.5")]
    found = parse(record(versions=mainline("6.5", "6.8", "6.6.17"), stable_only=stable))
    for release in ("6.1.43", "6.1.77", "6.4.8", "6.4.16", "6.5", "6.6.16"):
        assert is_open(found, release)
    for release in ("6.1.42", "6.1.78", "6.4.7", "6.6.17", "6.8"):
        assert not is_open(found, release)


def test_a_mistake_of_stable_series_alone_is_in_no_other() -> None:
    document = record(stable_only=[affected("6.1.43", lessThan="6.1.78")], default="unaffected")
    del document["containers"]["cna"]["affected"][1]["versions"]
    found = parse(document)
    assert is_open(found, "6.1.50")
    assert not is_open(found, "6.1.78") and not is_open(found, "6.2")


def test_a_single_version_is_only_that_release() -> None:
    found = parse(record(default="unaffected", versions=[{"version": "6.4", "status": "affected"}]))
    assert is_open(found, "6.4")
    assert not is_open(found, "6.4.1")


def test_less_than_everything_is_every_release() -> None:
    found = parse(record(default="unaffected", versions=[affected("5.0", lessThan="*")]))
    assert is_open(found, "5.0") and is_open(found, "99.0")


def test_affected_wins_where_two_entries_contradict() -> None:
    versions = [unaffected("0", lessThan="6.2"), affected("6.1", lessThan="6.3")]
    assert is_open(parse(record(versions=versions)), "6.1.5")
    assert is_open(parse(record(versions=versions[::-1])), "6.1.5")


def test_a_range_from_the_beginning_ends_where_another_series_was_fixed() -> None:
    stable = [affected("0", lessThan=fix) for fix in ("5.10.246", "6.1.157", "6.6.113")]
    found = parse(
        record(
            versions=mainline("0", "6.18", "5.10.246", "6.1.157", "6.6.113")[1:],
            stable_only=stable,
        )
    )
    for release in ("5.10.245", "5.15.1", "6.1.156", "6.5.1", "6.6.112", "6.7"):
        assert is_open(found, release)
    for release in ("5.10.246", "6.1.157", "6.1.176", "6.6.113", "6.18"):
        assert not is_open(found, release)


def test_a_mistake_that_came_back_in_a_series_wins_over_its_first_fix() -> None:
    stable = [affected("6.1.100", lessThan="6.1.120")]
    found = parse(record(versions=mainline("5.4", "6.2", "6.1.50"), stable_only=stable))
    assert is_open(found, "6.1.110")
    assert not is_open(found, "6.1.99") and not is_open(found, "6.1.120")


@pytest.mark.parametrize("default", ["affected", "unknown"])
def test_what_no_entry_mentions_has_the_default_status(default: str) -> None:
    versions = [unaffected("0", lessThan="6.1")]
    assert is_open(parse(record(versions=versions, default=default)), "6.5")
    assert not is_open(parse(record(versions=versions, default="unaffected")), "6.5")


def test_a_missing_default_means_that_releases_have_it() -> None:
    document = record(versions=[unaffected("0", lessThan="6.1")])
    del document["containers"]["cna"]["affected"][1]["defaultStatus"]
    assert is_open(parse(document), "6.5")


def test_a_rejected_record_is_none() -> None:
    assert parse_record(data(record(state="REJECTED"))) is None


def test_a_record_about_another_product_is_none() -> None:
    document = record()
    for entry in document["containers"]["cna"]["affected"]:
        entry["product"] = "Windows"
    assert parse_record(data(document)) is None


def test_entries_for_other_products_are_ignored() -> None:
    document = record(versions=mainline("6.4", "6.12"))
    other = {"vendor": "X", "product": "Y", "defaultStatus": "affected", "programFiles": ["x.c"]}
    document["containers"]["cna"]["affected"].append(other)
    found = parse(document)
    assert not is_open(found, "5.0") and "x.c" not in found.files


# Records that cannot be used


def changed(**cna: object) -> dict[str, Any]:
    document = record()
    document["containers"]["cna"].update(cna)
    return document


def with_entry(**entry: object) -> dict[str, Any]:
    document = record()
    document["containers"]["cna"]["affected"][1].update(entry)
    return document


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "not a JSON object"),
        ({}, "it has no 'cveMetadata'"),
        ({"cveMetadata": 7}, "'cveMetadata' is not an object"),
        ({"cveMetadata": {"cveId": "CVE-1-1", "state": "PUBLISHED"}}, "its ID 'CVE-1-1'"),
        ({"cveMetadata": {"cveId": ["CVE"], "state": "PUBLISHED"}}, "'cveId' is not text"),
        (record(state="RESERVED"), "its state 'RESERVED'"),
        (changed(affected={}), "'affected' is not a list"),
        (changed(affected=["x"]), "an entry of its 'affected'"),
        (changed(title=7), "'title' is not text"),
        (with_entry(programFiles="a.c"), "'programFiles' is not a list"),
        (with_entry(programFiles=[7]), "an entry of its 'programFiles' is not text"),
        (with_entry(programFiles=["../etc/passwd"]), "'../etc/passwd' is not a path"),
        (with_entry(programFiles=["/etc/passwd"]), "'/etc/passwd' is not a path"),
        (with_entry(programFiles=["a//b.c"]), "'a//b.c' is not a path"),
        (with_entry(programFiles=["./b.c"]), "'./b.c' is not a path"),
        (with_entry(programFiles=[""]), "'' is not a path"),
        (with_entry(programFiles=["a\x1b[31m.c"]), "is not a path"),
        (with_entry(programFiles=["a" * 5000]), "is not a path"),
        (with_entry(programFiles=["a.c"] * 10_001), "it lists 10,001 files"),
        (with_entry(versions={}), "'versions' is not a list"),
        (with_entry(versions=["6.1"]), "an entry of its 'versions' is not an object"),
        (with_entry(versions=[{"version": "6.1"}]), "has a status that is not known"),
        (with_entry(versions=[{"version": "6.1", "status": []}]), "has a status that is not known"),
        (with_entry(versions=[affected("6.x")]), "'6.x' is not a version"),
        (with_entry(versions=[affected("6.1", lessThan="next")]), "'next' is not a version"),
        (with_entry(versions=[affected("6.1", lessThanOrEqual="6.*.1")]), "is not a version"),
        (with_entry(versions=[{"status": "affected"}]), "it has no 'version'"),
        (with_entry(versions=[{**affected("6.1"), "changes": []}]), "a status that is not known"),
        (with_entry(defaultStatus=None), "'defaultStatus' is not text"),
        (with_entry(defaultStatus="unaffected", versions=[]), "it lists no releases"),
    ],
)
def test_a_record_that_cannot_be_used_says_why_in_one_line(document: object, why: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record(data(document))
    assert why in str(caught.value)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b" " * (RECORD_BYTES + 1), "more than 4,194,304 bytes"),
        (b'{"cveMetadata": {"state": "\\ud800"}}', "not valid JSON"),
    ],
)
def test_bytes_that_are_not_a_record_say_why_in_one_line(text: bytes, why: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record(text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("key", ["cveId", "programFiles", "versions", "lessThan"])
def test_a_key_that_is_there_twice_makes_a_record_unusable(key: str) -> None:
    text = json.dumps(record(versions=[affected("5.0", lessThan="6.0")]), indent=3)
    doubled = text.replace(f'"{key}":', f'"{key}": "x", "{key}":', 1)
    with pytest.raises(RecordError, match=f"has the key '{key}' twice"):
        parse_record(doubled.encode())


def test_texts_that_look_like_keys_are_not_counted_as_keys() -> None:
    found = parse(record(title='a "b": c, "d":"e"'))
    assert found.title == 'a "b": c, "d":"e"'


def test_a_title_is_one_line_without_control_sequences() -> None:
    assert parse(record(title="a\nb\x1b[31mc")).title == "a b\ufffdc"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
PLACES: list[list[str | int]] = [
    ["cveMetadata"],
    ["cveMetadata", "cveId"],
    ["cveMetadata", "state"],
    ["containers"],
    ["containers", "cna"],
    ["containers", "cna", "title"],
    ["containers", "cna", "metrics"],
    ["containers", "cna", "affected"],
    ["containers", "cna", "affected", 1],
    ["containers", "cna", "affected", 1, "product"],
    ["containers", "cna", "affected", 1, "programFiles"],
    ["containers", "cna", "affected", 1, "programFiles", 0],
    ["containers", "cna", "affected", 1, "defaultStatus"],
    ["containers", "cna", "affected", 1, "versions"],
    ["containers", "cna", "affected", 1, "versions", 0],
    ["containers", "cna", "affected", 1, "versions", 0, "version"],
    ["containers", "cna", "affected", 1, "versions", 0, "status"],
    ["containers", "cna", "affected", 1, "versions", 0, "lessThan"],
]


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=300)
def test_any_value_in_any_place_gives_a_record_or_one_line(
    place: list[str | int], value: object
) -> None:
    document: Any = record(versions=[affected("5.0", lessThan="6.0")])
    inner: Any = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    try:
        parse_record(data(document))
    except RecordError as error:
        assert "\n" not in str(error) and len(str(error)) < 400


@given(st.binary(max_size=200))
def test_any_bytes_give_a_record_or_one_line(text: bytes) -> None:
    with pytest.raises(RecordError):
        parse_record(text)
