"""The policy of a catalog: what it allows, what it refuses, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import UserError, VerificationError
from ingot.trust import policy as policies
from ingot.trust.attached import Attached
from ingot.trust.policy import NO_ONE, PulledImage, load_policy, require_trusted
from ingot.trust.statement import BOOT, PROVENANCE, statement_bytes
from tests.support.digests import digest
from tests.support.places import REPOSITORY
from tests.support.signatures import NOW, PROOF, MemoryPlace, bundle, public, signature

SUBJECT, INDEX = digest("the image"), digest("an index")
REPOSITORY_NAME = "registry.example.org/team/kernel-bin"
IMAGE = PulledImage(REPOSITORY_NAME, [SUBJECT], {})
ONE_KEY = '[[trust]]\nimages = "registry.example.org/*"\nkeys = ["signer.pub"]\n'


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> MemoryPlace:
    """Where the signatures of every image are."""
    place = MemoryPlace()
    monkeypatch.setattr("ingot.trust.registry_place.RegistryPlace", lambda *_: place)
    return place


def catalog(directory: Path, text: str) -> Path:
    """A catalog with this policy, and the keys of two signers."""
    (directory / "trust.toml").write_text(text)
    for name in ("signer", "other"):
        (directory / f"{name}.pub").write_bytes(public(name).pem())
    return directory


def decide(directory: Path, image: PulledImage = IMAGE) -> str:
    return require_trusted(load_policy(directory), image, NOW)


def test_without_a_policy_no_one_vouches(tmp_path: Path) -> None:
    assert decide(tmp_path) == NO_ONE


def test_a_signed_image_is_taken(tmp_path: Path, place: MemoryPlace) -> None:
    place.attached = Attached((signature(SUBJECT),))
    assert decide(catalog(tmp_path, ONE_KEY)) == "signed by signer.pub"


def test_a_signed_index_vouches_for_its_images(tmp_path: Path, place: MemoryPlace) -> None:
    place.attached = Attached((signature(INDEX),))
    listed = PulledImage(REPOSITORY_NAME, [SUBJECT, INDEX], {})
    assert decide(catalog(tmp_path, ONE_KEY), listed) == "signed by signer.pub"
    with pytest.raises(VerificationError, match="is not signed by"):
        decide(tmp_path)


@pytest.mark.parametrize("signer", ["", "other"])
def test_an_image_without_the_right_signature_is_refused(
    tmp_path: Path, place: MemoryPlace, signer: str
) -> None:
    if signer:
        place.attached = Attached((signature(SUBJECT, signer),))
    with pytest.raises(VerificationError) as caught:
        decide(catalog(tmp_path, ONE_KEY))
    assert "is not signed by" in caught.value.what
    assert caught.value.why.endswith("trust.toml requires it")


def test_an_image_that_no_table_fits_is_refused(tmp_path: Path) -> None:
    directory = catalog(tmp_path, ONE_KEY)
    for name in ("registry.example.com/a", "evil.org/registry.example.org/a", "docker.io/a"):
        with pytest.raises(VerificationError, match=r"no table of .*trust\.toml is about it"):
            decide(directory, PulledImage(name, [SUBJECT], {}))


def test_the_first_table_that_fits_decides(tmp_path: Path, place: MemoryPlace) -> None:
    free = '[[trust]]\nimages = "registry.example.org/team/*"\nkeys = []\n'
    assert "without a signature" in decide(catalog(tmp_path, free + ONE_KEY))
    with pytest.raises(VerificationError):
        decide(catalog(tmp_path, ONE_KEY + free))
    place.attached = Attached((signature(SUBJECT),))
    assert decide(tmp_path) == "signed by signer.pub"


def test_required_statements_have_to_be_there(tmp_path: Path, place: MemoryPlace) -> None:
    directory = catalog(tmp_path, f'{ONE_KEY}require = ["boot"]\n')
    place.attached = Attached((signature(SUBJECT),))
    with pytest.raises(VerificationError, match="has no boot that the key signed"):
        decide(directory)
    proof = bundle(statement_bytes(BOOT, SUBJECT, PROOF.predicate))
    place.attached = Attached((signature(SUBJECT), proof))
    assert decide(directory) == "signed by signer.pub"


def test_several_builds_need_as_many_keys(tmp_path: Path, place: MemoryPlace) -> None:
    text = (
        '[[trust]]\nimages = "*"\nkeys = ["signer.pub", "other.pub"]\nbuilds = 2\n'
        'require = ["provenance"]\n'
    )
    directory = catalog(tmp_path, text)
    one = (signature(SUBJECT), bundle(statement_bytes(PROVENANCE, SUBJECT, {})))
    place.attached = Attached(one)
    with pytest.raises(VerificationError, match="was built by 1 of the keys, not by 2"):
        decide(directory)
    two = bundle(statement_bytes(PROVENANCE, SUBJECT, {}), "other")
    place.attached = Attached((*one, two))
    assert decide(directory) == "signed by signer.pub"


def test_all_mistakes_are_reported_with_their_lines(tmp_path: Path) -> None:
    text = (
        '[[trust]]\nimages = "a@b"\nkeys = ["none.pub"]\n'
        '[[trust]]\nimages = "a"\nkeys = []\nrequire = ["boot", "vex"]\nbuild = 1\n'
    )
    with pytest.raises(UserError) as caught:
        load_policy(catalog(tmp_path, text))
    found = str(caught.value)
    assert "trust.toml:2: trust.0.images" in found
    assert "trust.toml:7: trust.1.require.1" in found
    assert "build" in found


def test_mistakes_that_need_the_whole_table_are_reported(tmp_path: Path) -> None:
    text = (
        '[[trust]]\nimages = "a"\nkeys = ["none.pub"]\nbuilds = 2\n'
        '[[trust]]\nimages = "b"\nkeys = []\nrequire = ["boot"]\n'
    )
    with pytest.raises(UserError) as caught:
        load_policy(catalog(tmp_path, text))
    found = str(caught.value)
    assert "there is no file" in found
    assert "2 builds need as many keys, but 1 are listed" in found
    assert "this needs a key" in found


def test_the_schema_for_editors_is_as_the_form_is_now() -> None:
    text = (REPOSITORY / "kernels" / policies.SCHEMA_NAME).read_text()
    assert text == policies.schema(), "run scripts/update-catalog-files"
