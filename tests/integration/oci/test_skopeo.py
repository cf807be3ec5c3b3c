"""What the tools that users have make of the store."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from ingot import process
from ingot.oci import Layout, collect_garbage, read_image, validate_image, validate_layout
from tests.support.sample_images import image

pytestmark = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
TAGS = ["kernel-bin:6.1.176", "kernel-bin:6.1.176-0123456789ab"]


@pytest.fixture
def tagged(layout: Layout) -> Layout:
    """Two tags for one manifest, and one more image."""
    descriptor = image(layout)
    layout.tag({**dict.fromkeys(TAGS, descriptor), "other:1": image(layout, "other")})
    return layout


@pytest.mark.parametrize("tag", TAGS)
def test_skopeo_reads_every_tag(tagged: Layout, tag: str) -> None:
    told = json.loads(process.run(["skopeo", "inspect", f"oci:{tagged.root}:{tag}"]).output)
    found = tagged.tags()[tag]
    assert told["Digest"] == str(found.digest)
    assert told["Architecture"] == "amd64"
    assert told["Labels"] == {"org.example.text": "sample"}
    layers = read_image(tagged, found).layers
    assert told["Layers"] == [str(layer.descriptor.digest) for layer in layers]


@pytest.mark.parametrize("tag", TAGS)
def test_a_round_trip_keeps_every_digest(tagged: Layout, tmp_path: Path, tag: str) -> None:
    archive, back = tmp_path / "image.tar", tmp_path / "back"
    process.run(["skopeo", "copy", f"oci:{tagged.root}:{tag}", f"oci-archive:{archive}:{tag}"])
    with tarfile.open(archive) as tar:
        index = json.loads(tar.extractfile("index.json").read())  # type: ignore[union-attr]
    assert [m["annotations"] for m in index["manifests"]] == [
        {"org.opencontainers.image.ref.name": tag}
    ]
    process.run(["skopeo", "copy", f"oci-archive:{archive}:{tag}", f"oci:{back}:{tag}"])
    copied = Layout(back)
    assert copied.tags()[tag].digest == tagged.tags()[tag].digest
    assert validate_image(copied, copied.tags()[tag]) == []


def test_ingot_and_skopeo_share_a_store(tagged: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    other.tag({"from-skopeo:1": image(other, "from skopeo")})
    process.run(
        ["skopeo", "copy", f"oci:{other.root}:from-skopeo:1", f"oci:{tagged.root}:from-skopeo:1"]
    )
    tagged.tag({"late:1": tagged.tags()[TAGS[0]]})
    assert sorted(tagged.tags()) == ["from-skopeo:1", *TAGS, "late:1", "other:1"]
    assert collect_garbage(tagged).blobs == 0
    assert validate_layout(tagged) == []
