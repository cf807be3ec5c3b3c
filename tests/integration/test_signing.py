"""Signatures in a real registry, which has no list of referrers, and what the command line says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import registry
from ingot.digest import Digest
from ingot.images import BIN
from ingot.oci import Descriptor, Layout
from ingot.progress import Silent
from ingot.publish import Published
from ingot.publish.publishing import ship
from ingot.publish.shipment import Shipment, gather
from ingot.publish.signatures import Signer
from ingot.registry import Registry
from ingot.trust import registry_place
from ingot.trust.registry_place import RegistryPlace
from ingot.trust.signing import copy_signatures, sign_image
from ingot.trust.statement import BOOT, SIGNATURE
from ingot.trust.verifying import Verified, verify_image
from tests.support.digests import digest
from tests.support.registries import Served, serve
from tests.support.shops import Shop, open_shop
from tests.support.signatures import CREATED, NAME, NOW, image, key, public, signed_image


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


def sent(served: Served, layout: Layout, descriptor: Descriptor) -> RegistryPlace:
    """The place of an image's signatures in the registry, which has the image."""
    place = RegistryPlace(f"{served.address}/{NAME}")
    registry.send(layout, descriptor, f"{place.name}:sample", "it could not be sent")
    return place


def verify(place: RegistryPlace, found: Descriptor, *names: str) -> Verified:
    return verify_image(place, [found.digest], [public(name) for name in names or ("signer",)], NOW)


def stored(served: Served, containing: bytes) -> list[Path]:
    """The blobs of the registry with this text."""
    blobs = (path for path in (served.data / "docker/registry/v2/blobs").rglob("data"))
    return [path for path in blobs if containing in path.read_bytes()]


def test_signatures_travel_from_the_store_and_join_others(served: Served, tmp_path: Path) -> None:
    store, found = signed_image(tmp_path)
    place = sent(served, store.layout, found)
    assert not verify(place, found).signers
    assert copy_signatures(store, place, found) == 3
    assert copy_signatures(store, place, found) == 0
    assert sign_image(place, found, [], key("other"), CREATED).added == (SIGNATURE,)
    result = verify(place, found, "signer", "other")
    assert set(result.signers) == {public(), public("other")}
    assert [each.key for each in result.of_type(BOOT)] == [public()]
    assert result.refused == ()


def test_a_registry_that_lists_referrers_gets_no_index(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its list has is read, also what is not a signature."""
    listed: list[Digest] = []
    monkeypatch.setattr(registry_place, "referrers_of", lambda *_, **_words: listed)
    store, found = signed_image(tmp_path)
    place = sent(served, store.layout, found)
    copy_signatures(store, place, found)
    assert f"sha256-{found.digest.hex}" not in registry.list_tags(place.name)
    listed += [Digest.of(path.read_bytes()) for path in stored(served, b'"subject"')]
    listed += [found.digest, digest("one that was removed")]
    result = verify(place, found)
    assert result.signers == (public(),)
    assert len(result.of_type(BOOT)) == 1
    assert result.refused == ()


def test_tampering_in_the_registry_is_refused(served: Served, tmp_path: Path) -> None:
    """One byte of each blob that a verification reads."""
    store, found = signed_image(tmp_path)
    place = sent(served, store.layout, found)
    copy_signatures(store, place, found)
    (simple,) = stored(served, b'"critical"')
    simple.write_bytes(simple.read_bytes().replace(b"cosign", b"cosigm"))
    for blob in stored(served, b"verificationMaterial"):
        blob.write_bytes(blob.read_bytes().replace(b'"hint":"', b'"hint":"A', 1)[:-1])
    for blob in stored(served, b'"keyid"'):
        blob.write_bytes(blob.read_bytes().replace(b'"payload":"', b'"payload":"A', 1)[:-1])
    result = verify(place, found)
    assert not result.signers
    assert not result.statements
    assert result.refused


def test_the_command_line_refuses_without_a_traceback(served: Served, tmp_path: Path) -> None:
    store, found = signed_image(tmp_path)
    place = sent(served, store.layout, found)
    copy_signatures(store, place, found)
    (tmp_path / "signer.pub").write_bytes(public().pem())
    reference = f"{place.name}:sample"

    def run() -> subprocess.CompletedProcess[str]:
        words = ["verify", reference, "--key", str(tmp_path / "signer.pub"), "--json"]
        return ingot(*words)

    good = run()
    assert good.returncode == 0, good.stderr
    (part,) = json.loads(good.stdout)["images"]
    assert part["digest"] == str(found.digest)
    assert part["signed_by"] == [public().fingerprint]
    (tmp_path / "trust.toml").write_text('[[trust]]\nimages = "*"\nkeys = ["signer.pub"]\n')
    pull = ["pull", reference, "--to", str(tmp_path / "to"), "--catalog", str(tmp_path)]
    other = image(store.layout, "other")
    registry.send(store.layout, other, reference, "it could not be sent")
    moved = run()
    assert moved.returncode == 4
    assert "is not signed by" in moved.stderr
    refused = ingot(*pull)
    assert refused.returncode == 4
    assert "trust.toml requires it" in refused.stderr
    assert not (tmp_path / "to").exists()
    for data in served.data.rglob(f"*/{other.digest.hex}/data"):
        data.write_bytes(data.read_bytes().replace(b"sample", b"simple"))
    damaged = run()
    assert damaged.returncode in (3, 4)
    for each in (moved, damaged):
        assert "Traceback" not in each.stderr
        assert "next:" in each.stderr


def test_a_push_signs_images_and_then_their_index(served: Served, tmp_path: Path) -> None:
    """A push of one image of a kernel, since each takes seconds."""
    shop = open_shop(tmp_path)
    own = shop.put("6.1.10")[BIN]
    target, place = Registry(served.address), RegistryPlace(f"{served.address}/{BIN}")
    first = push_one(shop, target, Signer(key(), CREATED))
    assert first.signed == (f"{BIN}:6.1.10-x86_64", f"{BIN}:6.1.10", f"{BIN}:6.1")
    document = registry.read_document(f"{place.name}:6.1")
    assert document is not None
    assert verify(place, document.descriptor).signers == (public(),)
    assert verify(place, own).signers == (public(),)
    assert push_one(shop, target, Signer(key(), CREATED)).signed == ()


def push_one(shop: Shop, target: Registry, signer: Signer) -> Published:
    """Push the image kernel-bin of a kernel, with its tags and indexes."""
    (whole,) = gather(shop.layout, [shop.kernel("6.1.10")], builders=False)
    one = Shipment(
        whole.name,
        tuple(part for part in whole.parts if part.repository == BIN),
        tuple(each for each in whole.multi_arch_images if each.repository == BIN),
    )
    return ship(shop.layout, [one], target, Silent(), signer)


def ingot(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingot", *words],
        env={**os.environ, "INGOT_KEY_PASSWORD": "x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
