from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.errors import UserError, VerificationError
from ingot.oci import (
    Layout,
    collect_garbage,
    copy_image,
    read_artifact,
    validate_layout,
    write_artifact,
)
from ingot.oci.descriptor import INDEX_TYPE, MANIFEST_TYPE
from ingot.oci.graph import reachable
from tests.support.sample_images import image

KIND = "application/vnd.example.note.v1+json"


def test_what_was_written_is_read(layout: Layout) -> None:
    subject = image(layout)
    artifact = read_artifact(layout, write_artifact(layout, KIND, b'{"fast":true}', subject))
    assert artifact.artifact_type == KIND
    assert artifact.data == b'{"fast":true}'
    assert artifact.subject.digest == subject.digest
    assert artifact.subject.size == subject.size


def test_the_manifest_is_as_the_specification_wants_it(layout: Layout) -> None:
    subject = image(layout)
    manifest = json.loads(layout.read_blob(write_artifact(layout, KIND, b"x", subject)))
    assert manifest["mediaType"] == MANIFEST_TYPE
    assert manifest["config"] == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
    }
    assert set(manifest["subject"]) == {"mediaType", "digest", "size"}


def test_the_same_artifact_has_the_same_digest(layout: Layout) -> None:
    subject = image(layout)
    one = write_artifact(layout, KIND, b"x", subject)
    assert write_artifact(layout, KIND, b"x", subject) == one
    assert write_artifact(layout, KIND, b"y", subject) != one


def test_an_artifact_keeps_itself_and_not_its_subject(layout: Layout) -> None:
    subject = image(layout)
    artifact = write_artifact(layout, KIND, b"x", subject)
    needed = {descriptor.digest for descriptor in reachable(layout.blobs, artifact)}
    assert subject.digest not in needed
    layout.tag({"sample:1-note": artifact})
    collect_garbage(layout)
    assert read_artifact(layout, artifact).data == b"x"
    assert not layout.blobs.has(subject)
    assert validate_layout(layout) == []


def test_a_damaged_artifact_is_told(layout: Layout) -> None:
    artifact = write_artifact(layout, KIND, b"data", image(layout))
    layout.tag({"sample:1-note": artifact})
    (part,) = (d for d in reachable(layout.blobs, artifact) if d.media_type == KIND)
    layout.blobs.path(part.digest).write_bytes(b"atad")
    with pytest.raises(VerificationError):
        read_artifact(layout, artifact)
    assert [problem.where for problem in validate_layout(layout)] == [
        f"sample:1-note, blob {part.digest.short}"
    ]


def test_what_is_no_artifact_is_refused(layout: Layout) -> None:
    with pytest.raises(UserError, match="not an artifact"):
        read_artifact(layout, image(layout))
    with pytest.raises(UserError, match="not an artifact"):
        read_artifact(layout, layout.write_blob([b"{}"], INDEX_TYPE))


def test_an_image_is_copied_whole(layout: Layout, tmp_path: Path) -> None:
    subject = image(layout)
    target = Layout(tmp_path / "other")
    copy_image(layout, subject, target)
    target.tag({"sample:1": subject})
    assert validate_layout(target) == []
    copy_image(layout, subject, target)  # again: nothing to do


def test_a_damaged_blob_is_not_copied(layout: Layout, tmp_path: Path) -> None:
    subject = image(layout)
    blob = max(layout.blobs.names(), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[10] ^= 1
    blob.write_bytes(data)
    target = Layout(tmp_path / "other")
    with pytest.raises(VerificationError):
        copy_image(layout, subject, target)
    with pytest.raises(VerificationError):
        target.tag({"sample:1": subject})
    assert not target.tags()
    assert not list(target.leftovers())
