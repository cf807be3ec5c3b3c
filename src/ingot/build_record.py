"""How a kernel was built, kept next to its base image in stores and registries.

    flintlock-kernel:<version>-<12 digits of the recipe key>-build

is an OCI artifact whose subject is the base image: JSON with the recipe, where its source came from
and what verified it, its patches, and the boot that the kernel passed before it was tagged. The
image does not contain any of that, since machines that build the same image may have other values.
It is written when a kernel is compiled, and pushed and removed together with the image. Images of
earlier versions of Ingot have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from ingot import __version__
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.images import BUILD_RECORD, KernelLabels, artifact_tag, base_tag, read_facts
from ingot.oci import Descriptor, Image, Layout, read_artifact, write_artifact
from ingot.oci.image_documents import canonical_json, read_json
from ingot.recipe import Recipe

if TYPE_CHECKING:
    from ingot.boot.boot_report import BootReport
    from ingot.source.origin import Source

BUILD_RECORD_TYPE = "application/vnd.ingot.build-record.v1+json"
"""The media type of the artifact and of its layer."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class RecipePart(_Part):
    """The recipe: see `ingot.recipe`. Digests are `sha256:<hex>`."""

    arch: str
    builder: str
    config: str
    format: int
    make_flags: tuple[str, ...]
    patches: tuple[str, ...]
    source: str

    @property
    def key(self) -> Digest:
        return Recipe(
            source=Digest.parse(self.source),
            patches=tuple(map(Digest.parse, self.patches)),
            config=Digest.parse(self.config),
            builder=Digest.parse(self.builder),
            arch=self.arch,
            make_flags=self.make_flags,
            format=self.format,
        ).key


class SourcePart(_Part):
    """Where the source came from: see `ingot.source.origin.Source`."""

    origin: str
    url: str
    evidence: str
    commit: str


class CheckPart(_Part):
    """A check of the guest: its name, its outcome (passed, failed, skipped) and what it found."""

    name: str
    outcome: str
    detail: str


class BootPart(_Part):
    """The boot that the kernel passed: see `ingot.boot.boot_report.BootReport`."""

    verdict: str
    machine: str
    accelerator: str
    checks: tuple[CheckPart, ...]
    notes: tuple[str, ...]


class BuildRecord(_Part):
    """How a kernel was built. `ingot` is the version that built it; `patch_names` are in the order
    of the recipe's patches."""

    ingot: str
    recipe: RecipePart
    source: SourcePart
    patch_names: tuple[str, ...]
    boot: BootPart | None


def record_of(
    recipe: Recipe, source: Source, patch_names: Sequence[str], report: BootReport
) -> BuildRecord:
    """The record of a kernel that was compiled and booted on this machine."""
    return BuildRecord(
        ingot=__version__,
        recipe=RecipePart(
            arch=recipe.arch,
            builder=str(recipe.builder),
            config=str(recipe.config),
            format=recipe.format,
            make_flags=recipe.make_flags,
            patches=tuple(map(str, recipe.patches)),
            source=str(recipe.source),
        ),
        source=SourcePart(
            origin=source.origin, url=source.url, evidence=source.evidence, commit=source.commit
        ),
        patch_names=tuple(patch_names),
        boot=BootPart(
            verdict=report.verdict.value,
            machine=report.machine,
            accelerator=report.accelerator,
            checks=tuple(
                CheckPart(name=each.name, outcome=each.outcome.value, detail=each.detail)
                for each in report.checks
            ),
            notes=report.notes,
        ),
    )


def write_record(layout: Layout, record: BuildRecord, base: Image) -> Mapping[str, Descriptor]:
    """Write the record of a base image to a store; returns the tag to set with its tags."""
    facts = read_facts(base)
    assert facts is not None
    data = canonical_json(record.model_dump(mode="json"))
    artifact = write_artifact(layout, BUILD_RECORD_TYPE, data, base.descriptor)
    return {artifact_tag(facts, BUILD_RECORD): artifact}


def find_record(layout: Layout, facts: KernelLabels) -> BuildRecord | None:
    """The record of the kernel with these labels, of exactly the base image that the store has.

    None if the store has none. VerificationError if it is damaged, or of another recipe.
    """
    tag = artifact_tag(facts, BUILD_RECORD)
    base, descriptor = layout.find(base_tag(facts)), layout.find(tag)
    if base is None or descriptor is None:
        return None
    try:
        artifact = read_artifact(layout, descriptor)
        if artifact.subject.digest != base.digest:
            return None
        if artifact.artifact_type != BUILD_RECORD_TYPE:
            raise ValueError(f"its type is {artifact.artifact_type!r:.100}")
        record = BuildRecord.model_validate(read_json(artifact.data))
        if record.recipe.key != facts.recipe_key:
            raise ValueError("it is of another recipe than the image")
    except (UserError, ValidationError, ValueError) as error:
        raise VerificationError(
            f"the record of the build {tag} cannot be used",
            why=str(error),
            hint="build the kernel again; the record is written when it is compiled",
        ) from None
    return record
