"""The report of `ingot report` as JSON: all data of the page, and more."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ingot.cli.documents.parts import cve_counts_part, profile_part
from ingot.images import BASE
from ingot.report.report_data import Answer, KernelEntry, OptionCounts, Report

if TYPE_CHECKING:
    from ingot.cli.documents.part_shapes import SizePart
    from ingot.cli.documents.verbs import (
        OptionCountsPart,
        ReportDocument,
        ReportPart,
        SupportPart,
        TagPart,
    )


def report_document(report: Report, today: datetime.date) -> ReportDocument:
    return {
        "registry": report.registry or None,
        "date": str(today),
        "kernels": [_kernel_part(report.registry, entry, today) for entry in report.entries],
        "left_out": [{"image": one.name, "reason": one.why} for one in report.omissions],
    }


def _kernel_part(registry: str, entry: KernelEntry, today: datetime.date) -> ReportPart:
    facts = entry.facts
    return {
        "version": facts.version,
        "series": str(entry.series),
        "release": facts.release,
        "arch": facts.arch,
        "flavor": entry.flavor or None,
        "digest": str(entry.digest),
        "tags": [_tag_part(registry, entry, tag) for tag in entry.tags],
        "recipe_key": str(facts.recipe_key),
        "config_digest": str(facts.config_digest),
        "source_digest": str(facts.source_digest),
        "builder_digest": str(facts.builder_digest),
        "command_line": facts.command_line,
        "end_of_life": str(entry.end_of_life) if entry.end_of_life else None,
        "ended": entry.ended(today) if entry.end_of_life else None,
        "kernel_size": entry.kernel_size,
        "kernel_layer_size": entry.kernel_packed,
        "modules_size": entry.modules_size,
        "modules_layer_size": entry.modules_packed,
        "modules": _size_parts(entry.modules),
        "directories": _size_parts(entry.size_map.kernel if entry.size_map else None),
        "option_counts": _counts_part(entry.options),
        "vmm_support": _support_parts(entry.vmms),
        "feature_support": _support_parts(entry.features),
        "supported_by": dict(entry.support),
        "profile": profile_part(entry.profile) if entry.profile else None,
        "cve_counts": cve_counts_part(entry.cves),
    }


def _tag_part(registry: str, entry: KernelEntry, tag: str) -> TagPart:
    prefix = f"{registry}/" if registry else ""
    return {"image": f"{prefix}{BASE}:{tag}", "digest": str(entry.digest)}


def _size_parts(sizes: Mapping[str, int] | None) -> list[SizePart] | None:
    if sizes is None:
        return None
    return [{"name": name, "size": size} for name, size in sizes.items()]


def _counts_part(counts: OptionCounts | None) -> OptionCountsPart | None:
    if counts is None:
        return None
    return {"built_in": counts.built_in, "as_modules": counts.modules, "other": counts.values}


def _support_parts(answers: Iterable[Answer]) -> list[SupportPart]:
    return [
        {
            "name": answer.name,
            "ok": answer.serves,
            "asked": answer.asked,
            "missing": list(answer.missing),
            "reason": answer.absent or None,
        }
        for answer in answers
    ]
