"""The kernel whose CVEs are asked for: its version, and what is known of its compiled files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingot import registry
from ingot.arch import Arch
from ingot.compiled_artifact import (
    ConfigAnswer,
    answer_from_config,
    fetch_compiled_files,
    read_compiled_files,
)
from ingot.compiled_files import CompiledFiles
from ingot.cves import Subject
from ingot.errors import UserError
from ingot.image_lookup import find_image
from ingot.images import KernelLabels, read_config, read_facts
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.setting import Project
from ingot.version import KernelVersion

_NOT_NEEDED = ConfigAnswer(None, "")


@dataclass(frozen=True, slots=True)
class JudgedKernel:
    """A kernel in an image, with the tag of the image (6.1.176-minimal).

    `compiled` is None if no list of its compiled files is kept with the image. Then `config_says`
    has what its config says about them.
    """

    subject: Subject
    version: KernelVersion
    tag: str
    compiled: CompiledFiles | None
    config_says: ConfigAnswer = _NOT_NEEDED


def find_judged_kernel(
    project: Project, name: str, platform: Arch, *, insecure: bool
) -> JudgedKernel:
    """The kernel of an operand. `platform` and `insecure` are for images of a registry."""
    match parse_operand(name):
        case RegistryImage(reference):
            return _in_registry(project, reference, platform, insecure=insecure)
        case StoreImage() | KernelName() as wanted:
            tag, image = find_image(project, wanted)
            facts = _require_kernel(name, read_facts(image))
            compiled = read_compiled_files(project.layout, image)
            subject = Subject(tag, str(image.descriptor.digest))
            own_tag = tag.rpartition(":")[2]
            return _judged(project, subject, facts, own_tag, compiled, image.annotations)
        case other:
            raise not_taken(
                name,
                other,
                "a kernel, or an image of the store or of a registry",
                "name the image; a file does not say what it was compiled from",
            )


def _in_registry(
    project: Project, reference: str, platform: Arch, *, insecure: bool
) -> JudgedKernel:
    content = registry.read_manifest(reference, platform.oci, insecure=insecure)
    annotations = registry.manifest_of(content, reference).annotations or {}
    facts = _require_kernel(reference, KernelLabels.from_labels(annotations))
    repository = registry.repository_of(reference)
    compiled = fetch_compiled_files(repository, facts, insecure=insecure)
    digest = registry.find_digest(reference, insecure=insecure)
    subject = Subject(reference, str(digest) if digest else "", repository)
    tag = reference.removeprefix(repository).partition("@")[0].removeprefix(":")
    return _judged(project, subject, facts, tag, compiled, annotations)


def _judged(
    project: Project,
    subject: Subject,
    facts: KernelLabels,
    tag: str,
    compiled: CompiledFiles | None,
    annotations: Mapping[str, str],
) -> JudgedKernel:
    version = KernelVersion.parse(facts.version)
    if compiled is not None:
        return JudgedKernel(subject, version, tag, compiled)
    source = project.workspace.sources / facts.source_digest.hex / "tree"
    says = answer_from_config(read_config(annotations), source if source.is_dir() else None)
    return JudgedKernel(subject, version, tag, None, says)


def _require_kernel(name: str, facts: KernelLabels | None) -> KernelLabels:
    if facts is None:
        raise UserError(
            f"{name} does not say which kernel it contains",
            why="it has no labels dev.ingot.*",
            hint="name an image that Ingot built, such as kernel-bin:6.1",
        )
    return facts
