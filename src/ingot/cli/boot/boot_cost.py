"""`ingot boot --profile` and `--bisect-options`: what a boot costs, and which option it is."""

from __future__ import annotations

import json

from ingot import lab
from ingot.cli.boot import bisect
from ingot.cli.boot.boot_operand import Meant, any_builder, find_subject
from ingot.cli.boot.profile_table import print_profile
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_document
from ingot.errors import UserError
from ingot.images import BASE
from ingot.setting import Setting, in_use


def profile(setting: Setting, meant: Meant, *, as_json: bool) -> None:
    """Count what a kernel of the store costs, show it, and hold it against its budget."""
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        subject = find_subject(setting, meant)
        if subject.image is None or not subject.has_modules:
            raise UserError(
                f"{subject.name} cannot be measured",
                why="a profile is kept beside the base image it is of",
                hint=f"boot {BASE}:{subject.name.partition(':')[2] or 'VERSION'}",
            )
        builder = any_builder(setting, subject, progress)
        found = lab.profile_image(setting, subject.image, builder, progress)
    if as_json:
        values = {"image": subject.name, "seconds": found.seconds, **found.to_json()}
        print_document(json.dumps(values, indent=2))
    else:
        print_profile(Terminal(), subject.name, found)
    if subject.kernel:
        lab.require_affordable(setting.project, subject.kernel, subject.image, found, progress)


def bisect_options(
    setting: Setting, names: tuple[str, str], kind: str, tries: int, *, as_json: bool
) -> None:
    """Find which option makes the second of two configs cost more than the first."""
    progress = make_progress(Terminal(stderr=True))
    found = bisect.bisect(setting, names, kind, tries, progress)
    if as_json:
        print_document(bisect.to_json(found))
    else:
        bisect.print_bisection(Terminal(), found)
