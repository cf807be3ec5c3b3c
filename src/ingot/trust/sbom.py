"""What an image consists of, as a CycloneDX document.

The kernel is a component with a package URL and a CPE, by which scanners find its CVEs. Below it
are vmlinux and the modules of the image, each with the source files that it was compiled from. The
packages of the builder are in `formulation`: they made the image, but are not in it.
Source: CycloneDX 1.6, bom-1.6.schema.json. The same image gives the same document.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from ingot import __version__
from ingot.build_record import BuildRecord
from ingot.compiled_files import CompiledFiles
from ingot.digest import Digest
from ingot.images import BASE, BIN, MODULES, KernelLabels
from ingot.trust.provenance import purl_of

_NAMESPACE = uuid.UUID("8d8b1a0a-6f4e-5c3b-8a55-0e2f6b5f9a11")
"""For serial numbers: any fixed UUID would do."""
_LICENSE = [{"license": {"id": "GPL-2.0-only"}}]
_WITH_KERNEL, _WITH_MODULES = (BASE, BIN), (BASE, MODULES)


def sbom(
    facts: KernelLabels,
    title: str,
    image: Digest,
    compiled: CompiledFiles,
    packages: Sequence[str],
    record: BuildRecord,
) -> dict[str, object]:
    """The document about an image of this kind (`title`) of a kernel, with this digest."""
    kernel = _kernel(facts, record)
    parts = _parts(title, compiled)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, str(image))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": title,
                "version": facts.version,
                "purl": f"pkg:oci/{title}@{str(image).replace(':', '%3A')}",
                "hashes": [{"alg": "SHA-256", "content": image.hex}],
            },
            "tools": {
                "components": [{"type": "application", "name": "ingot", "version": __version__}]
            },
        },
        "components": [{**kernel, "components": parts} if parts else kernel],
        "dependencies": [
            {"ref": "image", "dependsOn": ["kernel"]},
            {"ref": "kernel", "dependsOn": [part["bom-ref"] for part in parts]},
        ],
        "formulation": [{"bom-ref": "build", "components": [_package(each) for each in packages]}],
    }


def holds_files(title: str) -> bool:
    """Whether an image of this kind has files that were compiled: vmlinux or modules."""
    return title in (*_WITH_KERNEL, *_WITH_MODULES)


def _kernel(facts: KernelLabels, record: BuildRecord) -> dict[str, Any]:
    version = facts.version
    found: dict[str, Any] = {
        "type": "operating-system",
        "bom-ref": "kernel",
        "name": "linux-kernel",
        "version": version,
        "purl": f"pkg:generic/linux-kernel@{version}",
        "cpe": f"cpe:2.3:o:linux:linux_kernel:{version}:*:*:*:*:*:*:*",
        "licenses": _LICENSE,
        "properties": [
            {"name": f"ingot:{name}", "value": text}
            for name, text in {
                "release": facts.release,
                "arch": facts.arch,
                "recipe-key": str(facts.recipe_key),
                "config-digest": str(facts.config_digest),
                "source-digest": str(facts.source_digest),
            }.items()
        ],
    }
    if record.source.url:
        source = {"type": "source-distribution", "url": record.source.url}
        found["externalReferences"] = [source]
    if record.patches:
        patches = [
            {"type": "unofficial", "diff": {"text": {"content": each.name}}}
            for each in record.patches
        ]
        found["pedigree"] = {"patches": patches}
    return found


def _parts(title: str, compiled: CompiledFiles) -> list[dict[str, Any]]:
    found = [_part("vmlinux", compiled.built_in)] if title in _WITH_KERNEL else []
    if title in _WITH_MODULES:
        found += [_part(name, files) for name, files in sorted(compiled.modules.items())]
    return found


def _part(name: str, files: Collection[str]) -> dict[str, Any]:
    """vmlinux or a module, with the source files that it was compiled from."""
    return {
        "type": "file",
        "bom-ref": f"file/{name}",
        "name": name,
        "components": [
            {"type": "file", "bom-ref": f"source/{name}/{path}", "name": path}
            for path in sorted(files)
        ],
    }


def _package(line: str) -> dict[str, Any]:
    name, _, version = line.partition("=")
    found = {"type": "application", "bom-ref": f"package/{line}", "name": name.partition(":")[0]}
    if version:
        found["version"] = version
    if purl := purl_of(line):
        found["purl"] = purl
    return found
