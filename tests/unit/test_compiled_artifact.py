"""Compiled files next to an image of the store: kept, read back, and never believed if damaged."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.compiled_artifact import COMPILED_FILES_TYPE, read_compiled_files, write_compiled_files
from ingot.compiled_files import CompiledFiles, to_json
from ingot.errors import VerificationError
from ingot.images import BASE, BIN, DEVEL
from ingot.oci import Descriptor, Image, Layout, read_artifact, read_image, write_artifact
from tests.support.digests import digest
from tests.support.kernel_images import Kernel, make_kernel

TREE = frozenset({"init/main.c", "net/veth.c", "net/tun.c"})
FILES = CompiledFiles(
    frozenset({"init/main.c"}), {"kernel/net/veth.ko": frozenset({"net/veth.c"})}, TREE
)


@dataclasses.dataclass(frozen=True)
class Kept:
    """A kernel of a store, and the tag of its compiled files."""

    kernel: Kernel
    images: dict[str, Descriptor]

    @property
    def layout(self) -> Layout:
        return self.kernel.layout

    @property
    def tag(self) -> str:
        facts = self.kernel.facts
        return f"{BASE}:{facts.version}-{facts.recipe_key.short}-files"

    def image(self, name: str = BASE) -> Image:
        return read_image(self.layout, self.images[name])

    def keep(self, files: CompiledFiles = FILES) -> Descriptor:
        tags = write_compiled_files(self.layout, files, self.image())
        self.layout.tag(tags)
        assert list(tags) == [self.tag]
        return tags[self.tag]

    def put(self, *layers: bytes, kind: str = COMPILED_FILES_TYPE) -> None:
        """Keep an artifact with these layers."""
        first, *further = layers
        base = self.images[BASE]
        self.layout.tag({self.tag: write_artifact(self.layout, kind, first, base, further)})

    def read(self, name: str = BASE) -> CompiledFiles | None:
        return read_compiled_files(self.layout, self.image(name))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kernel = make_kernel(tmp_path)
    return Kept(kernel, kernel.build())


def packed(document: object) -> bytes:
    return gzip.compress(json.dumps(document).encode())


@pytest.mark.parametrize("name", [BASE, BIN, DEVEL])
def test_compiled_files_are_found_with_any_image_of_the_kernel(kept: Kept, name: str) -> None:
    assert kept.read(name) is None
    kept.keep()
    assert kept.read(name) == FILES


def test_the_artifact_describes_the_base_image(kept: Kept) -> None:
    artifact = read_artifact(kept.layout, kept.keep())
    assert artifact.artifact_type == COMPILED_FILES_TYPE
    assert artifact.subject.digest == kept.images[BASE].digest
    assert json.loads(gzip.decompress(artifact.data)) == to_json(FILES)[0]


def test_equal_files_give_equal_bytes(kept: Kept) -> None:
    again = CompiledFiles(frozenset(FILES.built_in), dict(FILES.modules), frozenset(sorted(TREE)))
    assert kept.keep() == kept.keep(again)


def test_the_list_of_the_tree_is_one_layer_for_all_kernels_of_a_source(kept: Kept) -> None:
    one = read_artifact(kept.layout, kept.keep())
    other = read_artifact(kept.layout, kept.keep(CompiledFiles(frozenset({"net/tun.c"}), {}, TREE)))
    assert one.data != other.data
    assert one.further == other.further


def test_compiled_files_of_another_image_do_not_count(kept: Kept) -> None:
    kept.keep()
    layout, base = kept.layout, kept.images[BASE]
    other = dataclasses.replace(base, digest=digest("another image"))
    document, tree = to_json(FILES)
    artifact = write_artifact(layout, COMPILED_FILES_TYPE, packed(document), other, [packed(tree)])
    layout.tag({kept.tag: artifact})
    assert kept.read() is None


GOOD = [packed(document) for document in to_json(FILES)]
BOMB = gzip.compress(b" " * (65 << 20))


@pytest.mark.parametrize(
    "layers",
    [
        GOOD[:1],
        [*GOOD, GOOD[1]],
        [b"", GOOD[1]],
        [b"not gzip", GOOD[1]],
        [GOOD[0][:-9], GOOD[1]],
        [GOOD[0], GOOD[1] + b"more"],
        [packed([]), GOOD[1]],
        [GOOD[0], packed({})],
        [gzip.compress(b"[" * 100_000), GOOD[1]],
        [gzip.compress(b'{"files":{},"files":{},"modules":[]}'), GOOD[1]],
        [gzip.compress(b"\xff"), GOOD[1]],
        [GOOD[0], BOMB],
        [GOOD[1], GOOD[0]],
    ],
)
def test_a_damaged_artifact_is_an_error_and_not_an_empty_set(
    kept: Kept, layers: list[bytes]
) -> None:
    kept.put(*layers)
    with pytest.raises(VerificationError, match="cannot be read") as caught:
        kept.read()
    assert kept.tag in caught.value.what
    assert "build the kernel again" in caught.value.hint


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept.put(*GOOD, kind="application/vnd.example.other"),
        lambda kept: kept.layout.tag({kept.tag: kept.images[BIN]}),
    ],
)
def test_another_artifact_or_image_under_the_tag_is_an_error(
    kept: Kept, damage: Callable[[Kept], None]
) -> None:
    damage(kept)
    with pytest.raises(VerificationError, match="cannot be read"):
        kept.read()


def test_a_changed_blob_is_an_error(kept: Kept) -> None:
    kept.keep()
    manifest = json.loads(kept.layout.read_blob(kept.layout.tags()[kept.tag]))
    path = kept.layout.blobs.directory / manifest["layers"][0]["digest"].removeprefix("sha256:")
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(VerificationError):
        kept.read()
