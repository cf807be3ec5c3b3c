"""Decisions about CVEs that people made, read from `cves.toml` of a catalog.

    #:schema ./cves.schema.json

    [[decisions]]
    cve = "CVE-2024-50112"
    kernels = ["6.1", "6.1-minimal"]      # as on the command line; none: every kernel
    status = "not_affected"               # or affected, or fixed (by a patch of the catalog)
    justification = "vulnerable_code_not_in_execute_path"
    reason = "no processor that our hosts have supports LAM"
    until = 2027-01-31                    # the last day on which it counts; none: forever

The justifications are those of OpenVEX 0.2.0, "Status Justifications".
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from ingot.cves.answer import Answer, Finding
from ingot.cves.verdict import Cause, Status
from ingot.errors import UserError
from ingot.files import read_text
from ingot.toml import FileForm, Lines, Mistakes, TomlTable

FILE_NAME = "cves.toml"
SCHEMA_NAME = "cves.schema.json"

_CVE = r"^CVE-[0-9]{4}-[0-9]{4,12}$"
_Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a CVE.

    `tags` are the tags of the kernels that it is for (6.1.176-minimal), none for every kernel.
    `place` is the file and line of the decision.
    """

    cve: str
    status: Status
    reason: str
    place: str
    justification: str = ""
    tags: frozenset[str] | None = None
    until: datetime.date | None = None

    def applies_to(self, tag: str) -> bool:
        return self.tags is None or tag in self.tags


class _DecisionTable(TomlTable):
    """A decision in the file. `Decision` describes its fields."""

    cve: str = Field(pattern=_CVE, description="The ID of the CVE.")
    status: Literal["affected", "not_affected", "fixed"] = Field(
        description="What was decided; fixed: a patch of the catalog fixes it."
    )
    reason: str = Field(min_length=1, description="Why; it becomes part of VEX documents.")
    kernels: list[str] = Field(
        [],
        description="The kernels that it is for, as on the command line: 6.1, 6.1-minimal. None:"
        " every kernel.",
    )
    justification: _Justification | None = Field(
        None, description="Why a kernel is not affected, in the words of OpenVEX."
    )
    until: datetime.date | None = Field(None, description="The last day on which it counts.")


class _DecisionsDocument(TomlTable):
    """Decisions about CVEs that people made."""

    decisions: list[_DecisionTable] = Field([], description="The decisions, in any order.")


_FORM = FileForm(
    _DecisionsDocument,
    {(): _DecisionsDocument, ("decisions", "NAME"): _DecisionTable},
    {_CVE: "the ID of a CVE, such as CVE-2024-50112"},
)


def load_decisions(path: Path, tags_of: Callable[[str], Sequence[str]]) -> tuple[Decision, ...]:
    """The decisions of a file, none if there is no file.

    `tags_of` gives the tags of the kernels that a name selects, or raises a UserError. A UserError
    lists all mistakes of the file with their lines.
    """
    text = read_text(path)
    if text is None:
        return ()
    mistakes = Mistakes(path, text)
    tables = _FORM.read(mistakes).decisions
    lines = Lines(text)
    found = []
    for index, table in enumerate(tables):
        place = f"{path.name}:{lines.find(('decisions', index, 'cve')) or 1}"
        found.append(_decision(table, index, place, tags_of, mistakes))
    _require_distinct(found, mistakes)
    mistakes.check()
    return tuple(found)


def _decision(
    table: _DecisionTable,
    index: int,
    place: str,
    tags_of: Callable[[str], Sequence[str]],
    mistakes: Mistakes,
) -> Decision:
    tags: set[str] = set()
    for number, name in enumerate(table.kernels):
        try:
            tags.update(tags_of(name))
        except UserError as error:
            mistakes.add_error(("decisions", index, "kernels", number), error)
    if (table.status == "not_affected") != (table.justification is not None):
        message = (
            "this is missing; 'not_affected' needs a justification, such as"
            " vulnerable_code_not_in_execute_path"
            if table.justification is None
            else "only the status 'not_affected' has a justification"
        )
        mistakes.add(("decisions", index, "justification"), message)
    return Decision(
        cve=table.cve,
        status=Status(table.status),
        reason=table.reason,
        place=place,
        justification=table.justification or "",
        tags=frozenset(tags) if table.kernels else None,
        until=table.until,
    )


def _require_distinct(decisions: Sequence[Decision], mistakes: Mistakes) -> None:
    """Note each decision that is for a kernel which has one for the same CVE."""
    for index, one in enumerate(decisions):
        for other in decisions[:index]:
            if one.cve != other.cve:
                continue
            if one.tags is None or other.tags is None or one.tags & other.tags:
                message = f"{other.place} decides it for the same kernel"
                mistakes.add(("decisions", index, "cve"), message)


def schema() -> str:
    """The JSON Schema file that is kept next to `cves.toml`."""
    from ingot.toml.json_schema import json_schema  # late: only a script needs it

    return json_schema(_DecisionsDocument)


def decide(
    answer: Answer, decisions: Sequence[Decision], tag: str, today: datetime.date
) -> tuple[Answer, tuple[str, ...]]:
    """The answer with the decisions for the kernel with this tag.

    Also returns a line for each decision that is stale: its date has passed, or this version does
    not have the CVE any more.
    """
    stale = []
    own: dict[str, Decision] = {}
    open_ones = {finding.cve for finding in answer.findings}
    for decision in decisions:
        if not decision.applies_to(tag):
            continue
        if decision.until and decision.until < today:
            stale.append(f"{decision.place}: the decision on {decision.cve} has ended")
        elif decision.cve not in open_ones:
            stale.append(f"{decision.place}: {answer.version} does not have {decision.cve}")
        else:
            own[decision.cve] = decision
    findings = tuple(_decided(finding, own.get(finding.cve)) for finding in answer.findings)
    return dataclasses.replace(answer, findings=findings), tuple(stale)


def _decided(finding: Finding, decision: Decision | None) -> Finding:
    if decision is None:
        return finding
    verdict = dataclasses.replace(
        finding.verdict,
        status=decision.status,
        cause=Cause.DECIDED,
        reason=decision.reason,
        justification=decision.justification,
    )
    return dataclasses.replace(finding, verdict=verdict)
