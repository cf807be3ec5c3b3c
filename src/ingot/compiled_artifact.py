"""The compiled files of a kernel, kept next to its base image in stores and registries.

    flintlock-kernel:<version>-<12 digits of the recipe key>-files

is an OCI artifact whose subject is the base image. It has two layers, both gzip of JSON
(`ingot.compiled_files`): the files of the kernel, and the list of all files of the source tree,
which is the same layer for all kernels of one source. It is pushed, pulled and removed together
with the image, and is valid only for that image. Images of earlier versions of Ingot have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import registry
from ingot.compiled_files import CompiledFiles, files_switched_off, from_json, to_json
from ingot.confined_files import ConfinedDirectory
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.images import COMPILED_FILES, KernelLabels, artifact_tag, base_tag, read_facts
from ingot.kconfig import Config
from ingot.oci import Artifact, Descriptor, Image, Layout, read_artifact, write_artifact
from ingot.oci.image_documents import canonical_json, read_json
from ingot.oci.layer_compression import CompressedDataError, compress, read_gzip

COMPILED_FILES_TYPE = "application/vnd.ingot.compiled-files.v1+gzip"
"""The media type of the artifact and of its layers."""

_LEVEL = 12
"""libdeflate's best compression: 425 KB for a kernel of 5,000 files, 325 KB of them its tree."""
_MOST_PACKED = 8 << 20
_MOST_FILES = 1_000_000
_MOST_UNPACKED = 64 << 20
"""The most bytes of a document; those of a kernel with all modules have 5 MB."""


def write_compiled_files(
    layout: Layout, compiled: CompiledFiles, base: Image
) -> Mapping[str, Descriptor]:
    """Write the compiled files of a base image to a store; returns the tag to set with its tags."""
    facts = read_facts(base)
    assert facts is not None
    files, tree = (_pack(canonical_json(document)) for document in to_json(compiled))
    artifact = write_artifact(layout, COMPILED_FILES_TYPE, files, base.descriptor, [tree])
    return {artifact_tag(facts, COMPILED_FILES): artifact}


def read_compiled_files(layout: Layout, image: Image) -> CompiledFiles | None:
    """The compiled files of the kernel of an image of the store, whichever of its images it is.

    None if the store has none for exactly this kernel, and if the image is not a kernel's.
    VerificationError if they are damaged.
    """
    facts = read_facts(image)
    return compiled_files_in(layout, facts) if facts else None


def compiled_files_in(layout: Layout, facts: KernelLabels) -> CompiledFiles | None:
    """The same, of the kernel with these labels."""
    tag = artifact_tag(facts, COMPILED_FILES)
    base, descriptor = layout.find(base_tag(facts)), layout.find(tag)
    if base is None or descriptor is None:
        return None
    try:
        artifact = read_artifact(layout, descriptor)
    except UserError as error:
        raise _damaged(tag, error) from None
    return _compiled(artifact, base.digest, tag)


def digest_in(layout: Layout, facts: KernelLabels) -> Digest | None:
    """The digest of a kernel's compiled files, without reading them; None if there are none."""
    descriptor = layout.find(artifact_tag(facts, COMPILED_FILES))
    return descriptor.digest if descriptor else None


def digest_in_registry(
    repository: str, facts: KernelLabels, *, insecure: bool = False
) -> Digest | None:
    """The same, in a registry; arguments and errors are those of `fetch_compiled_files`."""
    reference = f"{repository.rpartition('/')[0]}/{artifact_tag(facts, COMPILED_FILES)}"
    return registry.find_digest(reference, insecure=insecure)


def fetch_compiled_files(
    repository: str, facts: KernelLabels, *, insecure: bool = False
) -> CompiledFiles | None:
    """The compiled files of the kernel with these labels, from a registry.

    `repository` is the name of any image of the kernel (host[:port]/path/kernel-bin). None if the
    registry has none for exactly this kernel. VerificationError if they are damaged, MachineError
    if the registry or the network fails.
    """
    parent = repository.rpartition("/")[0]
    reference = f"{parent}/{artifact_tag(facts, COMPILED_FILES)}"
    base = registry.find_digest(f"{parent}/{base_tag(facts)}", insecure=insecure)
    if base is None:
        return None
    try:
        artifact = registry.fetch_artifact(
            reference, COMPILED_FILES_TYPE, _MOST_PACKED, insecure=insecure
        )
    except UserError as error:
        raise _damaged(reference, error) from None
    return None if artifact is None else _compiled(artifact, base, reference)


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """What the config of an image without a list of compiled files says about them.

    `switched_off` are files that the config switches off, each with an option that does it: a
    reason to show, and no proof. None if that is not known. `why` says so in one sentence.
    """

    switched_off: Mapping[str, str] | None
    why: str


def answer_from_config(config: Config | None, source: Path | None) -> ConfigAnswer:
    """The answer for an image with this config, by the Makefiles of its source tree, if at hand."""
    if config is None:
        return ConfigAnswer(None, "the image has neither a list of compiled files nor a config")
    if source is None:
        return ConfigAnswer(
            None, "the image has no list of compiled files, and its source tree is not at hand"
        )
    tree = ConfinedDirectory(source)
    names = [each.name for each in tree.walk(most=_MOST_FILES) if each.is_file]
    found = files_switched_off(config.options, tree, names)
    return ConfigAnswer(
        found,
        f"the image has no list of compiled files; its config switches {len(found):,} files off",
    )


def _compiled(artifact: Artifact, base: Digest, name: str) -> CompiledFiles | None:
    """The content of an artifact; None if it describes another image."""
    if artifact.subject.digest != base:
        return None
    try:
        if artifact.artifact_type != COMPILED_FILES_TYPE:
            raise ValueError(f"its type is {artifact.artifact_type!r:.100}")
        if len(artifact.further) != 1:
            raise ValueError("it does not have two layers")
        files, tree = (read_json(_unpack(data)) for data in (artifact.data, *artifact.further))
        return from_json(files, tree)
    except (ValueError, CompressedDataError) as error:
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> VerificationError:
    return VerificationError(
        f"the compiled files {name} cannot be read",
        why=str(error),
        hint="build the kernel again; they are written when it is compiled",
    )


def _pack(data: bytes) -> bytes:
    return b"".join(compress([data], _LEVEL))


def _unpack(data: bytes) -> bytes:
    """The content of gzip members; ValueError for more than `_MOST_UNPACKED` bytes."""
    content = bytearray()
    for piece in read_gzip([data]):
        content += piece
        if len(content) > _MOST_UNPACKED:
            raise ValueError(f"it has more than {_MOST_UNPACKED:,} bytes")
    return bytes(content)
