"""A kernel of a store with the record of its build and the list of its compiled files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ingot.boot.boot_report import BootReport, CheckResult, Outcome, Verdict
from ingot.build_record import BuildRecord, record_of, write_record
from ingot.compiled_artifact import write_compiled_files
from ingot.digest import Digest
from ingot.images import BASE, KernelLabels, tags_for
from ingot.oci import Image, Layout, read_image
from ingot.recipe import Recipe
from ingot.source.origin import Source
from tests.support.kernel_images import VERSION, make_kernel

TAG = "6.1.176"
_PATCH = b"a patch"
PATCH = Digest.of(_PATCH)
REPORT = BootReport(
    Verdict.PASSED,
    "microvm",
    "tcg",
    1.5,
    (
        CheckResult("init", Outcome.PASSED, "started"),
        CheckResult("kvm", Outcome.SKIPPED, "the machine has no KVM"),
    ),
    (),
    ("qemu",),
    notes=("without KVM",),
)


@dataclass(frozen=True)
class RecordedKernel:
    """A kernel in a store: its labels, its images, and the record of its build."""

    layout: Layout
    facts: KernelLabels
    images: dict[str, Image]
    record: BuildRecord


def put_kernel(
    layout: Layout, root: Path, report: BootReport = REPORT, url: str = "https://example.org/a.tar"
) -> RecordedKernel:
    """Put a kernel into a store; `root` is a directory for its files."""
    made = make_kernel(root)
    recipe = Recipe(
        source=made.facts.source_digest,
        patches=(PATCH,),
        config=made.facts.config_digest,
        builder=made.facts.builder_digest,
        arch="x86_64",
        make_flags=("ARCH=x86_64",),
    )
    made = replace(made, layout=layout, facts=replace(made.facts, recipe_key=recipe.key))
    images = {name: read_image(layout, each) for name, each in made.write().items()}
    source = Source(VERSION, "debian", recipe.source, root, 0, url, "signed by Example", "abc")
    (root / "0001-fix.patch").write_bytes(_PATCH)
    record = record_of(recipe, source, [root / "0001-fix.patch"], report)
    layout.tag(
        {
            **tags_for({name: each.descriptor for name, each in images.items()}, made.facts, TAG),
            **write_compiled_files(layout, made.artifacts.compiled_files, images[BASE]),
            **write_record(layout, record, images[BASE]),
        }
    )
    return RecordedKernel(layout, made.facts, images, record)
