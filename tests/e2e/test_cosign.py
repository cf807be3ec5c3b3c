"""Real cosign, in both directions: what Ingot signs it verifies, and the other way round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import registry
from ingot.oci import read_image
from ingot.trust.claims import claims_about
from ingot.trust.key_files import read_private_key
from ingot.trust.registry_place import RegistryPlace
from ingot.trust.signing import copy_signatures, sign_image
from ingot.trust.statement import BOOT, PROVENANCE, SBOM
from ingot.trust.store_place import StorePlace
from tests.support.cosign import PASSWORD, SUITES, Cosign, cosign
from tests.support.recorded_kernels import TAG, put_kernel
from tests.support.registries import Served, serve
from tests.support.shops import Shop, open_shop

pytestmark = pytest.mark.e2e

CLAIMS = (PROVENANCE, BOOT, SBOM)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("registry")) as served:
        yield served


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A store with one kernel, and the record of its build."""
    shop = open_shop(tmp_path_factory.mktemp("shop"))
    put_kernel(shop.layout, shop.root)
    return shop


@pytest.fixture(params=list(SUITES))
def program(request: pytest.FixtureRequest) -> Cosign:
    return cosign(request.param)


def ingot(shop: Shop, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingot", *words],
        env={
            **os.environ,
            "INGOT_CATALOG": str(shop.root / "kernels"),
            "INGOT_KEY_PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def pair(shop: Shop, name: str) -> tuple[Path, Path]:
    """A new pair of Ingot's: the private key and the public one."""
    made = ingot(shop, "keygen", str(shop.root / name))
    assert made.returncode == 0, made.stderr
    return shop.root / f"{name}.key", shop.root / f"{name}.pub"


def image_in(shop: Shop, to: str, name: str = "kernel-bin") -> str:
    """An image of the store, pushed without a signature; its name in the registry, by digest."""
    descriptor = shop.layout.tags()[f"{name}:{TAG}"]
    tag = f"{to}/{name}:plain"
    registry.send(shop.layout, descriptor, tag, "it could not be sent")
    return f"{to}/{name}@{descriptor.digest}"


def test_cosign_verifies_what_ingot_signs(shop: Shop, served: Served, program: Cosign) -> None:
    to = f"{served.address}/signed-{program.major}"
    private, public = pair(shop, f"ours-{program.major}")
    image = image_in(shop, to)
    assert not program.verifies(public, image)
    there = ingot(shop, "sign", image, "--key", str(private))
    assert there.returncode == 0, there.stderr
    assert program.verifies(public, image)
    _, other = pair(shop, f"other-{program.major}")
    assert not program.verifies(other, image)


def test_cosign_verifies_what_a_push_sends(shop: Shop, served: Served, program: Cosign) -> None:
    """The signatures of the store, with all that is attested, copied by a push without a key."""
    to = f"{served.address}/pushed-{program.major}"
    private, public = pair(shop, f"pushed-{program.major}")
    image = image_in(shop, to)
    descriptor = shop.layout.tags()[f"kernel-bin:{TAG}"]
    key = read_private_key(private, lambda: PASSWORD.encode())
    store = StorePlace(shop.layout, "kernel-bin")
    claims = claims_about(shop.layout, read_image(shop.layout, descriptor))
    sign_image(store, descriptor, claims, key, "2026-12-01T00:00:00Z")
    assert copy_signatures(store, RegistryPlace(f"{to}/kernel-bin"), descriptor)
    assert program.verifies(public, image)
    for kind in CLAIMS:
        assert program.verifies_attestation(public, image, kind), kind
    assert not program.verifies_attestation(public, image, "https://slsa.dev/provenance/v0.2")


def test_ingot_verifies_what_cosign_signs(
    shop: Shop, served: Served, program: Cosign, tmp_path: Path
) -> None:
    to = f"{served.address}/theirs-{program.major}"
    program.run("generate-key-pair", "--output-key-prefix", "theirs", directory=tmp_path)
    private, public = tmp_path / "theirs.key", tmp_path / "theirs.pub"
    image = image_in(shop, to)
    refused = ingot(shop, "verify", image, "--key", str(public))
    assert refused.returncode == 4
    assert "it has no signatures" in refused.stderr
    program.sign(private, image)
    found = ingot(shop, "verify", image, "--key", str(public), "--json")
    assert found.returncode == 0, found.stderr
    (part,) = json.loads(found.stdout)["images"]
    assert len(part["signed_by"]) == 1
    predicate = tmp_path / "predicate.json"
    predicate.write_text('{"result":"PASSED","configuration":[],"passedTests":["a"]}')
    program.attest(private, image, BOOT, predicate)
    found = ingot(shop, "verify", image, "--key", str(public), "--require", "boot")
    assert found.returncode == 0, found.stderr
    refused = ingot(shop, "verify", image, "--key", str(public), "--require", "sbom")
    assert refused.returncode == 4


def test_either_program_uses_the_keys_of_the_other(
    shop: Shop, served: Served, program: Cosign, tmp_path: Path
) -> None:
    to = f"{served.address}/keys-{program.major}"
    private, public = pair(shop, f"shared-{program.major}")
    image = image_in(shop, to)
    program.sign(private, image)
    assert ingot(shop, "verify", image, "--key", str(public)).returncode == 0
    program.run("generate-key-pair", "--output-key-prefix", "theirs", directory=tmp_path)
    signed = ingot(shop, "sign", image, "--key", str(tmp_path / "theirs.key"))
    assert signed.returncode == 0, signed.stderr
    assert program.verifies(tmp_path / "theirs.pub", image)
    assert program.verifies(public, image), "the first signature is kept"


def test_cosign_verifies_the_tag_of_all_arches(shop: Shop, served: Served, program: Cosign) -> None:
    to = f"{served.address}/index-{program.major}"
    private, public = pair(shop, f"index-{program.major}")
    for name in ("6.1.10", "6.1.10-arm64"):
        shop.put(name, program.major)
    pushed = ingot(
        *(shop, "push", "6.1.10", "--arch", "all", "--registry", to, "--sign", str(private))
    )
    assert pushed.returncode == 0, pushed.stderr
    for tag in ("6.1.10", "6.1", "6.1.10-x86_64"):
        assert program.verifies(public, f"{to}/kernel-bin:{tag}"), tag
    for arch in ("x86_64", "arm64"):
        words = ["verify", f"{to}/kernel-bin:6.1", "--arch", arch, "--key", str(public)]
        assert ingot(shop, *words).returncode == 0


def test_cosign_refuses_what_ingot_refuses(shop: Shop, served: Served, program: Cosign) -> None:
    """The signatures of one image, copied to another one."""
    to = f"{served.address}/moved-{program.major}"
    private, public = pair(shop, f"moved-{program.major}")
    signed, other = image_in(shop, to, "kernel-bin"), image_in(shop, to, "kernel-modules")
    descriptor = shop.layout.tags()[f"kernel-modules:{TAG}"]
    assert ingot(shop, "sign", signed, "--key", str(private)).returncode == 0
    found = RegistryPlace(f"{to}/kernel-bin").read(shop.layout.tags()[f"kernel-bin:{TAG}"].digest)
    RegistryPlace(f"{to}/kernel-modules").add(descriptor, found)
    assert not program.verifies(public, other)
    refused = ingot(shop, "verify", other, "--key", str(public))
    assert refused.returncode == 4
    assert "about another image" in refused.stderr
    assert "Traceback" not in refused.stderr
