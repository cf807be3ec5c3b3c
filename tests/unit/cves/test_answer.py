"""The answer for a kernel, decisions by hand, and the documents made from both."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ingot.compiled_files import CompiledFiles
from ingot.cves import (
    DECISIONS_FILE,
    Answer,
    Cause,
    Decision,
    Finding,
    Record,
    Status,
    Subject,
    Verdict,
    cyclonedx_document,
    decide,
    judge,
    load_decisions,
    load_records,
    openvex_document,
    reason_of,
    triage,
)
from ingot.errors import UserError
from ingot.version import KernelVersion
from tests.support.cve_records import compiled_files, mainline, record, write_records
from tests.support.places import REPOSITORY

VERSION = KernelVersion.parse("6.1.176")
COMPILED, UNCOMPILED, MISSING, CLOSED = (f"CVE-2025-000{n}" for n in range(1, 5))
SUBJECT = Subject("kernel-bin:6.1.176", f"sha256:{'ab' * 32}")
TODAY = datetime.date(2026, 9, 1)


def judged(root: Path, compiled: CompiledFiles | None, *bad: str) -> Answer:
    documents = [
        record(COMPILED, ["net/core/dev.c"], mainline("5.4", "6.12", "6.1.180"), score=7.8),
        record(UNCOMPILED, ["drivers/net/tun.c"], mainline("5.4", "6.12", "6.6.5")),
        record(MISSING, ["drivers/net/gone.c"], mainline("5.4", None)),
        record(CLOSED, ["net/core/dev.c"], mainline("5.4", "6.12", "6.1.176")),
    ]
    data = write_records(root / "data", *documents)
    for cve in bad:
        (data / f"{cve}.json").write_text("{")
    return judge(load_records(data, root / "index"), VERSION, compiled)


@pytest.fixture
def answer(tmp_path: Path) -> Answer:
    return judged(tmp_path, compiled_files(not_compiled=["drivers/net/tun.c"]))


def cves_of(findings: Sequence[Finding]) -> list[str]:
    return [finding.cve for finding in findings]


def test_each_open_cve_has_a_verdict(answer: Answer) -> None:
    assert cves_of(answer.findings) == [COMPILED, UNCOMPILED, MISSING]
    assert cves_of(answer.affected) == [COMPILED]
    assert cves_of(answer.not_affected) == [UNCOMPILED]
    assert cves_of(answer.undecided) == [MISSING]


def test_the_fix_is_the_first_release_of_the_series_that_has_it(answer: Answer) -> None:
    assert [str(each.fixed_in) for each in answer.findings] == ["6.1.180", "None", "None"]


@pytest.mark.parametrize(
    ("versions", "has"),
    [([], False), (["6.1.179", "6.6.1"], False), (["6.1.180"], True), (["6.1.200"], True)],
)
def test_whether_the_catalog_has_the_fix(answer: Answer, versions: list[str], has: bool) -> None:
    parsed = [KernelVersion.parse(version) for version in versions]
    assert answer.findings[0].has_fix_among(parsed) is has
    assert not answer.findings[2].has_fix_among(parsed)


def test_without_compiled_files_everything_is_undecided(tmp_path: Path) -> None:
    answer = judged(tmp_path, None)
    assert len(answer.undecided) == len(answer.findings) == 3
    assert "no list of the files" in reason_of(answer.findings[0])


def test_compiled_files_of_no_kernel_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not that of a kernel"):
        judged(tmp_path, CompiledFiles(frozenset(), {}, frozenset({"init/main.c"})))


def test_unreadable_records_are_in_the_answer(tmp_path: Path) -> None:
    answer = judged(tmp_path, None, "CVE-2025-7777")
    assert [each.cve for each in answer.unreadable] == ["CVE-2025-7777"]


# Decisions


def tags_of(name: str) -> list[str]:
    if name not in ("6.1", "6.12"):
        raise UserError(f"the catalog has no kernel {name}")
    return {"6.1": ["6.1.176"], "6.12": ["6.12.107"]}[name]


def decisions(root: Path, text: str) -> tuple[Decision, ...]:
    path = root / DECISIONS_FILE
    path.write_text(text)
    return load_decisions(path, tags_of)


def decision(cve: str, *lines: str, status: str = "fixed") -> str:
    more = "\n".join(lines)
    return f'[[decisions]]\ncve = "{cve}"\nstatus = "{status}"\nreason = "R"\n{more}\n'


def test_no_file_has_no_decisions(tmp_path: Path) -> None:
    assert load_decisions(tmp_path / DECISIONS_FILE, tags_of) == ()


def test_a_decision_replaces_the_verdict(tmp_path: Path, answer: Answer) -> None:
    text = decision(
        COMPILED, 'justification = "inline_mitigations_already_exist"', status="not_affected"
    )
    text += decision(MISSING, 'kernels = ["6.1"]')
    decided, stale = decide(answer, decisions(tmp_path, text), "6.1.176", TODAY)
    assert stale == ()
    assert decided.affected == () and decided.undecided == ()
    assert cves_of(decided.not_affected) == [COMPILED, UNCOMPILED]
    assert cves_of(decided.with_status(Status.FIXED)) == [MISSING]
    assert reason_of(decided.findings[0]) == "decided by hand: R"
    assert decided.findings[0].verdict.files == ("net/core/dev.c",)


def test_a_decision_for_another_kernel_does_not_count(tmp_path: Path, answer: Answer) -> None:
    text = decision(COMPILED, 'kernels = ["6.12"]') + decision(CLOSED, 'kernels = ["6.12"]')
    assert decide(answer, decisions(tmp_path, text), "6.1.176", TODAY) == (answer, ())


def test_a_decision_counts_until_its_last_day(tmp_path: Path, answer: Answer) -> None:
    found = decisions(tmp_path, decision(COMPILED, "until = 2026-09-01"))
    assert decide(answer, found, "6.1.176", TODAY)[0].affected == ()
    after, stale = decide(answer, found, "6.1.176", TODAY + datetime.timedelta(days=1))
    assert after == answer
    assert stale == (f"cves.toml:2: the decision on {COMPILED} has ended",)


def test_a_decision_on_a_cve_that_is_fixed_meanwhile_is_stale(
    tmp_path: Path, answer: Answer
) -> None:
    found = decisions(tmp_path, decision(COMPILED) + decision(CLOSED))
    _, stale = decide(answer, found, "6.1.176", TODAY)
    assert stale == (f"cves.toml:7: 6.1.176 does not have {CLOSED}",)


def test_all_mistakes_of_the_file_are_reported_with_their_lines(tmp_path: Path) -> None:
    text = "\n".join(
        [
            decision("CVE-1", 'kernel = "6.1"'),
            decision(COMPILED, status="ignored"),
            decision(MISSING, 'justification = "because"', "until = 7", status="not_affected"),
        ]
    )
    with pytest.raises(UserError) as caught:
        decisions(tmp_path, text)
    lines = caught.value.why.splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "cves.toml:2:",
        "cves.toml:5:",
        "cves.toml:9:",
        "cves.toml:17:",
        "cves.toml:18:",
    ]
    assert "did you mean 'kernels'?" in caught.value.why


def test_mistakes_that_need_more_than_the_form_are_reported_with_their_lines(
    tmp_path: Path,
) -> None:
    text = "\n".join(
        [
            decision(COMPILED, 'kernels = ["6.1", "6.9"]'),
            decision(MISSING, status="not_affected"),
            decision(UNCOMPILED, 'justification = "component_not_present"', status="affected"),
            decision(COMPILED),
        ]
    )
    with pytest.raises(UserError) as caught:
        decisions(tmp_path, text)
    assert caught.value.why.splitlines() == [
        "cves.toml:5: decisions.0.kernels.1: the catalog has no kernel 6.9",
        "cves.toml:7: decisions.1.justification: this is missing; 'not_affected' needs a"
        " justification, such as vulnerable_code_not_in_execute_path",
        "cves.toml:17: decisions.2.justification: only the status 'not_affected' has a"
        " justification",
        "cves.toml:20: decisions.3.cve: cves.toml:2 decides it for the same kernel",
    ]


def test_the_schema_for_editors_is_as_the_form_is_now() -> None:
    text = (REPOSITORY / "kernels" / triage.SCHEMA_NAME).read_text()
    assert text == triage.schema(), "run scripts/update-catalog-files"


# Documents


@pytest.fixture
def decided(tmp_path: Path, answer: Answer) -> Answer:
    more = decision(UNCOMPILED)
    return decide(answer, decisions(tmp_path, more), "6.1.176", TODAY)[0]


def test_cyclonedx_accepts_the_document(answer: Answer, decided: Answer, tmp_path: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = decision(
        COMPILED, 'justification = "inline_mitigations_already_exist"', status="not_affected"
    )
    by_hand = decide(answer, decisions(tmp_path, text), "6.1.176", TODAY)[0]
    for one in (answer, decided, by_hand):
        for subject in (SUBJECT, Subject("6.1.176")):
            document = json.dumps(cyclonedx_document(one, subject))
            assert validator.validate_str(document) is None


def test_the_states_of_cyclonedx(answer: Answer, decided: Answer) -> None:
    def states(one: Answer) -> list[tuple[str, str | None]]:
        found = cyclonedx_document(one, SUBJECT)["vulnerabilities"]
        return [(v["analysis"]["state"], v["analysis"].get("justification")) for v in found]

    assert states(answer) == [
        ("exploitable", None),
        ("not_affected", "code_not_present"),
        ("in_triage", None),
    ]
    assert states(decided)[1] == ("resolved", None)


def test_the_statements_of_openvex(answer: Answer, decided: Answer) -> None:
    document = openvex_document(answer, SUBJECT)
    one, two, three = document["statements"]
    assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert [each["status"] for each in (one, two, three)] == [
        "affected",
        "not_affected",
        "under_investigation",
    ]
    assert one["action_statement"] == "Update to Linux 6.1.180 or later."
    assert two["justification"] == "vulnerable_code_not_present"
    assert "impact_statement" not in two and "justification" not in one
    assert two["status_notes"] == "no file was compiled in: drivers/net/tun.c"
    assert openvex_document(decided, SUBJECT)["statements"][1]["status"] == "fixed"
    product = one["products"][0]
    assert product["@id"] == f"pkg:oci/kernel-bin@sha256%3A{'ab' * 32}"
    assert product["subcomponents"] == [{"@id": "pkg:generic/linux-kernel@6.1.176"}]


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict(Status.UNDECIDED, Cause.NO_FILE), "the record lists no file"),
        (
            Verdict(Status.NOT_AFFECTED, Cause.NOT_COMPILED, ("a.c",), options=("CONFIG_A",)),
            "no file was compiled in: a.c; CONFIG_A is off",
        ),
        (
            Verdict(
                *(Status.NOT_AFFECTED, Cause.NOT_COMPILED, ("a.c", "b.c", "c.c", "d.c")),
                options=("CONFIG_A", "CONFIG_B"),
            ),
            "no file was compiled in: a.c, b.c, c.c, ...; CONFIG_A, CONFIG_B are off",
        ),
        (
            Verdict(
                *(Status.FIXED, Cause.DECIDED, ("a.c",)), options=("CONFIG_A",), reason="patched"
            ),
            "decided by hand: patched",
        ),
    ],
)
def test_reasons(verdict: Verdict, reason: str) -> None:
    assert reason_of(Finding(Record("CVE-2025-0001", "", (), ()), verdict)) == reason


DOCUMENT_KEYS = {"@context", "@id", "author", "role", "timestamp", "version", "tooling"}
STATEMENT_KEYS = {"vulnerability", "timestamp", "products", "status", "status_notes"}
STATUS_KEYS = {
    "affected": {"action_statement"},
    "not_affected": {"justification"},
    "under_investigation": set(),
    "fixed": set(),
}
"""What the schema of OpenVEX 0.2.0 requires of a status, and all that it allows here."""


def test_openvex_has_the_keys_that_its_schema_requires_and_no_others(
    answer: Answer, decided: Answer
) -> None:
    for one in (answer, decided):
        document = openvex_document(one, SUBJECT)
        assert set(document) == {*DOCUMENT_KEYS, "statements"}
        assert document["version"] == 1 and document["@id"].startswith("urn:uuid:")
        assert datetime.datetime.fromisoformat(document["timestamp"])
        for statement in document["statements"]:
            assert set(statement) == STATEMENT_KEYS | STATUS_KEYS[statement["status"]]
            assert set(statement["vulnerability"]) == {"@id", "name", "description"}
            assert [set(each) for each in statement["products"]] == [{"@id", "subcomponents"}]


def test_a_kernel_without_open_cves_has_no_openvex_document(answer: Answer) -> None:
    nothing = dataclasses.replace(answer, findings=())
    with pytest.raises(UserError, match="no OpenVEX document") as caught:
        openvex_document(nothing, SUBJECT)
    assert "no CVE is open in 6.1.176" in caught.value.why
    document = json.dumps(cyclonedx_document(nothing, SUBJECT))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


def test_the_same_answer_gives_the_same_documents(answer: Answer, decided: Answer) -> None:
    for make in (openvex_document, cyclonedx_document):
        assert make(answer, SUBJECT) == make(answer, SUBJECT)
        assert make(answer, SUBJECT) != make(decided, SUBJECT)
    serial = cyclonedx_document(answer, SUBJECT)["serialNumber"]
    assert serial != cyclonedx_document(decided, SUBJECT)["serialNumber"]
    assert serial != cyclonedx_document(answer, Subject("6.1.176"))["serialNumber"]
