"""CVE records as the kernel's CNA publishes them, made for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.compiled_files import CompiledFiles

Entry = Mapping[str, object]


def commits(*shas: str) -> list[Entry]:
    """The entries of versions that list commits."""
    return [{"version": sha, "status": "affected", "versionType": "git"} for sha in shas]


def mainline(introduced: str, fixed: str | None, *stable: str) -> list[Entry]:
    """The releases of a CVE that came with one release and went with another one.

    `stable` are the releases of stable series that have the fix.
    """
    found: list[Entry] = [{"version": introduced, "status": "affected"}]
    if introduced != "0":
        found.append(unaffected("0", lessThan=introduced))
    for release in stable:
        series = ".".join(release.split(".")[:-1])
        found.append(unaffected(release, lessThanOrEqual=f"{series}.*"))
    if fixed:
        found.append(
            unaffected(fixed, lessThanOrEqual="*") | {"versionType": "original_commit_for_fix"}
        )
    return found


def unaffected(version: str, **limit: str) -> dict[str, object]:
    return {"version": version, "status": "unaffected", "versionType": "semver", **limit}


def affected(version: str, **limit: str) -> dict[str, object]:
    return {"version": version, "status": "affected", "versionType": "semver", **limit}


def record(
    cve: str = "CVE-2024-50112",
    files: Sequence[str] = ("net/core/dev.c",),
    versions: Iterable[Entry] = (),
    *,
    stable_only: Iterable[Entry] = (),
    default: str = "affected",
    title: str = "net: a mistake",
    state: str = "PUBLISHED",
    score: float | None = None,
) -> dict[str, Any]:
    """A record: `versions` are releases; `stable_only` those of series with the mistake alone."""
    shared = {"product": "Linux", "vendor": "Linux", "programFiles": list(files)}
    cna: dict[str, Any] = {
        "affected": [
            {
                **shared,
                "defaultStatus": "unaffected",
                "versions": [*commits("a" * 40), *stable_only],
            },
            {
                **shared,
                "defaultStatus": default,
                "versions": list(versions or mainline("5.4", None)),
            },
        ],
        "title": title,
    }
    if score is not None:
        cna["metrics"] = [{"cvssV3_1": {"baseScore": score}}]
    return {
        "containers": {"cna": cna},
        "cveMetadata": {"cveId": cve, "state": state},
        "dataType": "CVE_RECORD",
    }


def data(document: object) -> bytes:
    """The bytes of a record, written as the CNA writes them."""
    return json.dumps(document, indent=3).encode()


def write_records(root: Path, *documents: Mapping[str, Any]) -> Path:
    """A directory of records, in the layout of the CNA's repository."""
    for document in documents:
        cve = document["cveMetadata"]["cveId"]
        directory = "rejected" if document["cveMetadata"]["state"] == "REJECTED" else "published"
        path = root / "cve" / directory / cve.split("-")[1] / f"{cve}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data(document))
    return root


def compiled_files(
    built_in: Iterable[str] = ("net/core/dev.c",),
    modules: Mapping[str, Iterable[str]] | None = None,
    not_compiled: Iterable[str] = (),
) -> CompiledFiles:
    """The compiled files of a small kernel for x86; the tree has these and `not_compiled`."""
    own = frozenset({"init/main.c", "include/linux/init.h", "arch/x86/kernel/setup.c", *built_in})
    inner = {name: frozenset(files) for name, files in (modules or {}).items()}
    tree = own.union(not_compiled, *inner.values())
    return CompiledFiles(own, inner, tree)
