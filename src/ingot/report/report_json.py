"""The report as JSON, for scripts: all data of the page, and more."""

from __future__ import annotations

import datetime

from ingot.report.report_data import Answer, KernelEntry, Report


def to_document(report: Report, today: datetime.date | None = None) -> dict[str, object]:
    """The report as plain values; sizes are in bytes, and an unknown value is null."""
    return {
        "registry": report.registry or None,
        "date": str(today) if today else None,
        "kernels": [_kernel(entry, today) for entry in report.entries],
        "left_out": [{"image": one.name, "why": one.why} for one in report.omissions],
    }


def _kernel(entry: KernelEntry, today: datetime.date | None) -> dict[str, object]:
    facts, options = entry.facts, entry.options
    return {
        "version": facts.version,
        "series": str(entry.series),
        "release": facts.release,
        "arch": facts.arch,
        "flavor": entry.flavor or None,
        "tags": list(entry.tags),
        "digest": str(entry.digest),
        "recipe_key": str(facts.recipe_key),
        "config_digest": str(facts.config_digest),
        "source_digest": str(facts.source_digest),
        "builder_digest": str(facts.builder_digest),
        "command_line": facts.command_line,
        "end_of_life": str(entry.end_of_life) if entry.end_of_life else None,
        "ended": entry.ended(today) if today and entry.end_of_life else None,
        "kernel": {"size": entry.kernel_size, "compressed": entry.kernel_packed},
        "modules": {
            "count": None if entry.modules is None else len(entry.modules),
            "size": entry.modules_size,
            "compressed": entry.modules_packed,
        },
        "options": {
            "built_in": options.built_in,
            "modules": options.modules,
            "values": options.values,
        }
        if options
        else None,
        "vmms": {answer.name: _answer(answer) for answer in entry.vmms},
        "features": {answer.name: _answer(answer) for answer in entry.features},
        "supported_by": dict(entry.support),
        "makeup": entry.size_map.to_json() if entry.size_map else None,
        "boot": entry.profile.to_json() if entry.profile else None,
    }


def _answer(answer: Answer) -> dict[str, object]:
    return {
        "serves": answer.serves,
        "asked": answer.asked,
        "missing": list(answer.missing),
        "absent": answer.absent or None,
    }
