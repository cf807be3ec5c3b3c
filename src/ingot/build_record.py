"""How a kernel was built, kept next to its base image in stores and registries.

    flintlock-kernel:<version>-<12 digits of the recipe key>-build

is an OCI artifact whose subject is the base image: JSON with the recipe, where its source came from
and what verified it, its patches, and the boot that the kernel passed before it was tagged. The
kernel can be built again from it and the image's config. The
image does not contain any of that, since machines that build the same image may have other values.
It is written when a kernel is compiled, and pushed and removed together with the image. Images of
earlier versions of Ingot have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from ingot import __version__, registry
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.images import BUILD_RECORD, KernelLabels, artifact_tag, base_tag, read_facts
from ingot.oci import (
    Artifact,
    Descriptor,
    Image,
    Layout,
    pack_text,
    read_artifact,
    unpack_text,
    write_artifact,
)
from ingot.oci.image_documents import canonical_json, read_json
from ingot.oci.limits import DOCUMENT_BYTES
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


class PatchPart(_Part):
    """A patch: the name of its file, and its text, packed (`ingot.oci.packed_annotation`)."""

    name: str
    packed: str

    @property
    def data(self) -> bytes:
        """The bytes of the file; ValueError if they cannot be unpacked."""
        return unpack_text(self.packed)


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
    """How a kernel was built. `ingot` is the version that built it; `patches` are those of the
    recipe, in its order."""

    ingot: str
    recipe: RecipePart
    source: SourcePart
    patches: tuple[PatchPart, ...]
    boot: BootPart | None


def record_of(
    recipe: Recipe, source: Source, patches: Sequence[Path], report: BootReport
) -> BuildRecord:
    """The record of a kernel that was compiled and booted on this machine.

    VerificationError for a patch that has changed since the recipe was made.
    """
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
        patches=tuple(map(_patch, patches, recipe.patches)),
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


def _patch(path: Path, digest: Digest) -> PatchPart:
    data = path.read_bytes()
    if Digest.of(data) != digest:
        raise VerificationError(
            f"the patch {path} was changed while the kernel was built", hint="build it again"
        )
    return PatchPart(name=path.name, packed=pack_text(data))


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
        return _record(read_artifact(layout, descriptor), base.digest, facts)
    except (UserError, ValueError) as error:
        raise _unusable(tag, error) from None


def fetch_record(
    repository: str, facts: KernelLabels, base: Digest, *, insecure: bool = False
) -> BuildRecord | None:
    """The same, from a registry; `base` is the digest of the base image.

    `repository` is the name of any image of the kernel (host[:port]/path/kernel-bin). MachineError
    if the registry or the network fails.
    """
    reference = f"{repository.rpartition('/')[0]}/{artifact_tag(facts, BUILD_RECORD)}"
    try:
        artifact = registry.fetch_artifact(
            reference, BUILD_RECORD_TYPE, DOCUMENT_BYTES, insecure=insecure
        )
        return _record(artifact, base, facts) if artifact else None
    except (UserError, ValueError) as error:
        raise _unusable(reference, error) from None


def _record(artifact: Artifact, base: Digest, facts: KernelLabels) -> BuildRecord | None:
    """The record in an artifact; None if it is about another image, ValueError if it is damaged."""
    if artifact.subject.digest != base:
        return None
    if artifact.artifact_type != BUILD_RECORD_TYPE:
        raise ValueError(f"its type is {artifact.artifact_type!r:.100}")
    record = BuildRecord.model_validate(read_json(artifact.data))  # its error is a ValueError
    if record.recipe.key != facts.recipe_key:
        raise ValueError("it is of another recipe than the image")
    if [str(Digest.of(each.data)) for each in record.patches] != list(record.recipe.patches):
        raise ValueError("its patches are not those of the recipe")
    return record


def _unusable(name: str, error: Exception) -> VerificationError:
    return VerificationError(
        f"the record of the build {name} cannot be used",
        why=str(error),
        hint="build the kernel again; the record is written when it is compiled",
    )
