from __future__ import annotations

import json

import pytest

from ingot.errors import UserError, VerificationError
from ingot.oci import Descriptor, Layout, Platform, read_image, validate_image, write_image
from ingot.oci.descriptor import CONFIG_TYPE, INDEX_TYPE, MANIFEST_TYPE
from ingot.oci.image_documents import canonical_json
from tests.support.sample_images import MTIME, PLATFORM, image, layer


def test_what_was_written_is_read(layout: Layout) -> None:
    descriptor = image(layout)
    found = read_image(layout, descriptor)
    assert found.descriptor == descriptor
    assert found.platform == PLATFORM
    assert found.layers == (layer(layout),)
    assert found.labels == {"org.example.text": "sample"}
    assert found.annotations == {"org.opencontainers.image.title": "A sample"}
    assert found.created == MTIME
    assert found.history == ("kernel",)
    assert found.size == descriptor.size + found.config.size + found.layers[0].descriptor.size


def test_the_documents_are_canonical(layout: Layout) -> None:
    descriptor = image(layout)
    data = layout.read_blob(descriptor)
    manifest = json.loads(data)
    assert data == canonical_json(manifest)
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == MANIFEST_TYPE
    config = json.loads(layout.read_blob(read_image(layout, descriptor).config))
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert config["history"] == [{"created": config["created"], "created_by": "kernel"}]


def test_order_of_labels_does_not_matter(layout: Layout) -> None:
    layers = [layer(layout)]
    one = write_image(layout, layers, PLATFORM, {"a": "1", "b": "2"}, {"c": "3", "d": "4"}, 1)
    two = write_image(layout, layers, PLATFORM, {"b": "2", "a": "1"}, {"d": "4", "c": "3"}, 1)
    assert one == two


def test_wrong_requests(layout: Layout) -> None:
    with pytest.raises(UserError, match="at least one layer"):
        write_image(layout, [], PLATFORM, {}, {}, 1)
    with pytest.raises(UserError, match="2 history entries for 1 layers"):
        write_image(layout, [layer(layout)], PLATFORM, {}, {}, 1, ["a", "b"])
    with pytest.raises(UserError, match="not an image"):
        read_image(layout, layout.write_blob([b"{}"], INDEX_TYPE))
    with pytest.raises(UserError, match="config: Field required"):
        broken = b'{"schemaVersion":2,"layers":[]}'
        read_image(layout, layout.write_blob([broken], MANIFEST_TYPE))


def test_a_sound_image_has_no_problems(layout: Layout) -> None:
    assert validate_image(layout, image(layout)) == []


def test_all_that_is_wrong_is_listed(layout: Layout) -> None:
    first = layer(layout)
    second = layout.write_blob([b"no gzip"], first.descriptor.media_type)
    third = layout.write_blob([b"gone"], first.descriptor.media_type)
    config = layout.write_blob(
        [
            canonical_json(
                {
                    "architecture": "arm64",
                    "os": "linux",
                    "history": [{"created_by": "x"}],
                    "rootfs": {"type": "layers", "diff_ids": [str(second.digest)] * 3},
                }
            )
        ],
        CONFIG_TYPE,
    )
    layers = [first.descriptor, second, third]
    manifest = layout.write_blob(
        [
            canonical_json(
                {
                    "schemaVersion": 2,
                    "mediaType": "x/y",
                    "config": config.to_json(),
                    "layers": [part.to_json() for part in layers],
                }
            )
        ],
        MANIFEST_TYPE,
    )
    layout.blobs.path(third.digest).unlink()
    told = Descriptor(
        manifest.media_type, manifest.digest, manifest.size, platform=Platform("linux", "amd64")
    )
    problems = "\n".join(map(str, validate_image(layout, told)))
    for part in (
        "its type is x/y",
        "it is for linux/arm64, its descriptor says linux/amd64",
        "history of 1 layers, but 3 layers",
        "its diff ID is",
        f"layer {second.digest.short}: blob {second.digest.short}",
        f"layer {third.digest.short}: blob {third.digest.short} of the image store is missing"[:30],
    ):
        assert part in problems


def test_missing_diff_ids_are_told_and_blobs_still_checked(layout: Layout) -> None:
    good = image(layout)
    document = json.loads(layout.read_blob(good))
    document["layers"] *= 2
    bad = layout.write_blob([canonical_json(document)], MANIFEST_TYPE)
    with pytest.raises(VerificationError, match="2 layers, the config 1 diff IDs"):
        read_image(layout, bad)
    path = layout.blobs.path(layer(layout).descriptor.digest)
    path.write_bytes(path.read_bytes()[:-1])
    text = "\n".join(map(str, validate_image(layout, bad)))
    assert "1 diff IDs" in text
    assert "bytes are missing" in text


def artifact(layout: Layout, config_type: str) -> Descriptor:
    """An artifact as programs wrote it before image-spec 1.1: its config's type is its own."""
    config = layout.write_blob([b"{}"], config_type)
    data = layout.write_blob([b"a chart"], "application/vnd.example.chart.v1.tar+gzip")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.to_json(),
        "layers": [data.to_json()],
    }
    return layout.write_blob([canonical_json(manifest)], MANIFEST_TYPE)


@pytest.mark.parametrize(
    "config_type",
    ["application/vnd.unknown.config.v1+json", "application/vnd.cncf.helm.config.v1+json"],
)
def test_an_artifact_is_not_an_image(layout: Layout, config_type: str) -> None:
    made = artifact(layout, config_type)
    with pytest.raises(UserError, match="is not an image") as caught:
        read_image(layout, made)
    assert config_type in caught.value.why
    assert "store" not in caught.value.hint
    assert validate_image(layout, made) == []
