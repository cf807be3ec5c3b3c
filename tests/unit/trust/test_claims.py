"""What a key signs about an image of a kernel: the documents, and what --require accepts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ingot.boot.boot_report import BootReport, CheckResult, Outcome, Verdict
from ingot.build_record import BUILD_RECORD_TYPE, find_record
from ingot.errors import UserError, VerificationError
from ingot.images import BASE, BIN, BUILD_RECORD, DEBUG, DEVEL, MODULES, artifact_tag
from ingot.oci import Layout, write_artifact
from ingot.trust.claims import claims_about, kinds_named, require_claims, title_of
from ingot.trust.provenance import purl_of
from ingot.trust.signing import Claim, sign_image
from ingot.trust.statement import BOOT, PROVENANCE, SBOM, SIGNATURE
from tests.support.digests import digest
from tests.support.recorded_kernels import PATCH, RecordedKernel, put_kernel
from tests.support.signatures import CREATED, MemoryPlace, key, verified


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> RecordedKernel:
    """A kernel of a store that no test changes."""
    directory = tmp_path_factory.mktemp("kernel")
    return put_kernel(Layout(directory / "images"), directory)


@pytest.fixture
def own_kernel(kernel: RecordedKernel, tmp_path: Path) -> RecordedKernel:
    """The same kernel, in a store of the test's own."""
    shutil.copytree(kernel.layout.root, tmp_path / "images")
    return replace(kernel, layout=Layout(tmp_path / "images"))


def predicate(kernel: RecordedKernel, image: str, kind: str) -> Any:
    claims = claims_about(kernel.layout, kernel.images[image])
    (found,) = [each.predicate for each in claims if each.predicate_type == kind]
    return found


@pytest.mark.parametrize(
    ("image", "kinds"),
    [
        (BASE, [PROVENANCE, BOOT, SBOM]),
        (BIN, [PROVENANCE, BOOT, SBOM]),
        (MODULES, [PROVENANCE, BOOT, SBOM]),
        (DEBUG, [PROVENANCE]),
        (DEVEL, [PROVENANCE]),
    ],
)
def test_each_image_has_the_claims_that_fit(
    kernel: RecordedKernel, image: str, kinds: list[str]
) -> None:
    claims = claims_about(kernel.layout, kernel.images[image])
    assert [each.predicate_type for each in claims] == kinds


def test_provenance_names_recipe_and_inputs(kernel: RecordedKernel) -> None:
    found = predicate(kernel, BIN, PROVENANCE)
    definition = found["buildDefinition"]
    assert definition["externalParameters"]["recipeKey"] == str(kernel.facts.recipe_key)
    assert definition["externalParameters"]["recipe"]["patches"] == [str(PATCH)]
    inputs = {each["name"]: each for each in definition["resolvedDependencies"]}
    source = inputs["linux-6.1.176"]
    assert source["uri"] == "https://example.org/a.tar"
    assert source["digest"] == {"sha256": kernel.facts.source_digest.hex, "gitCommit": "abc"}
    assert source["annotations"] == {"origin": "debian", "verified": "signed by Example"}
    assert inputs["patch 0001-fix.patch"]["digest"] == {"sha256": PATCH.hex}
    assert inputs["config"]["digest"] == {"sha256": kernel.facts.config_digest.hex}
    assert inputs["builder"]["digest"] == {"sha256": kernel.facts.builder_digest.hex}
    assert set(found["runDetails"]["builder"]) == {"id", "version"}


@pytest.mark.parametrize(
    ("line", "purl"),
    [
        (
            "g++-12:amd64=12.2.0-14+deb12u1",
            "pkg:deb/g%2B%2B-12@12.2.0-14%2Bdeb12u1?arch=amd64",
        ),
        ("bc:amd64=1:2.0", "pkg:deb/bc@1%3A2.0?arch=amd64"),
        ("gcc 12.2.0", None),
    ],
)
def test_a_package_has_a_package_url(line: str, purl: str | None) -> None:
    assert purl_of(line) == purl


def test_the_boot_proof_lists_checks_by_outcome(kernel: RecordedKernel) -> None:
    found = predicate(kernel, BASE, BOOT)
    assert found["result"] == "PASSED"
    assert found["passedTests"] == ["init"]
    assert found["failedTests"] == found["warnedTests"] == []
    named = {each["name"]: each["annotations"] for each in found["configuration"]}
    assert named["machine"] == {
        "machine": "microvm",
        "accelerator": "tcg",
        "notes": ["without KVM"],
    }
    assert named["kvm"] == {"skipped": "the machine has no KVM"}
    assert named["kernel"]["recipeKey"] == str(kernel.facts.recipe_key)


def test_a_boot_without_checks_has_not_passed_tests(tmp_path: Path) -> None:
    report = BootReport(Verdict.BOOTED, "microvm", "tcg", 1.0, (), (), ())
    kernel = put_kernel(Layout(tmp_path / "images"), tmp_path, report)
    assert predicate(kernel, BASE, BOOT)["result"] == "WARNED"
    failed = (CheckResult("a", Outcome.FAILED, "no"),)
    report = BootReport(Verdict.FAILED, "microvm", "tcg", 1.0, failed, (), ())
    (tmp_path / "other").mkdir()
    kernel = put_kernel(Layout(tmp_path / "others"), tmp_path / "other", report)
    found = predicate(kernel, BASE, BOOT)
    assert (found["result"], found["failedTests"]) == ("FAILED", ["a"])


def test_the_sbom_is_valid_and_lists_compiled_files(kernel: RecordedKernel) -> None:
    found = predicate(kernel, BASE, SBOM)
    faults = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found))
    assert faults is None
    (component,) = found["components"]
    assert component["purl"] == "pkg:generic/linux-kernel@6.1.176"
    assert component["cpe"] == "cpe:2.3:o:linux:linux_kernel:6.1.176:*:*:*:*:*:*:*"
    files = {
        part["name"]: [each["name"] for each in part["components"]]
        for part in component["components"]
    }
    assert files == {"vmlinux": ["init/main.c"], "kernel/net/veth.ko": ["net/veth.c"]}
    only = predicate(kernel, BIN, SBOM)["components"][0]["components"]
    assert [each["name"] for each in only] == ["vmlinux"]
    assert found == predicate(kernel, BASE, SBOM)


def test_nothing_is_claimed_about_an_image_that_was_not_built_here(
    own_kernel: RecordedKernel,
) -> None:
    own_kernel.layout.untag([artifact_tag(own_kernel.facts, BUILD_RECORD)])
    assert claims_about(own_kernel.layout, own_kernel.images[BASE]) == ()
    assert claims_about(own_kernel.layout, None) == ()


@pytest.mark.parametrize("data", [b"", b"{}", b'{"a":1,"a":1}', b"[]", b"\xff"])
def test_a_damaged_record_is_refused(own_kernel: RecordedKernel, data: bytes) -> None:
    base = own_kernel.images[BASE].descriptor
    made = write_artifact(own_kernel.layout, BUILD_RECORD_TYPE, data, base)
    own_kernel.layout.tag({artifact_tag(own_kernel.facts, BUILD_RECORD): made})
    with pytest.raises(VerificationError, match="the record of the build"):
        find_record(own_kernel.layout, own_kernel.facts)


def test_a_record_of_another_recipe_is_refused(own_kernel: RecordedKernel) -> None:
    recipe = own_kernel.record.recipe.model_copy(update={"make_flags": ("other",)})
    other = own_kernel.record.model_copy(update={"recipe": recipe})
    base = own_kernel.images[BASE].descriptor
    data = other.model_dump_json().encode()
    made = write_artifact(own_kernel.layout, BUILD_RECORD_TYPE, data, base)
    own_kernel.layout.tag({artifact_tag(own_kernel.facts, BUILD_RECORD): made})
    with pytest.raises(VerificationError, match="of another recipe"):
        find_record(own_kernel.layout, own_kernel.facts)


def test_a_record_of_another_image_does_not_count(own_kernel: RecordedKernel) -> None:
    data = own_kernel.record.model_dump_json().encode()
    made = write_artifact(
        own_kernel.layout, BUILD_RECORD_TYPE, data, own_kernel.images[BIN].descriptor
    )
    own_kernel.layout.tag({artifact_tag(own_kernel.facts, BUILD_RECORD): made})
    assert find_record(own_kernel.layout, own_kernel.facts) is None


# What --require accepts


def require(kernel: RecordedKernel, claims: list[Claim], *kinds: str) -> None:
    """Sign the claims about the image kernel-bin, and require these kinds of it."""
    image, place = kernel.images[BIN], MemoryPlace()
    sign_image(place, image.descriptor, claims, key(), CREATED)
    found = verified(place.attached, image.descriptor.digest)
    require_claims(found, "kernel-bin:6.1", kinds, image.labels)


def test_what_ingot_signs_satisfies_all_requirements(kernel: RecordedKernel) -> None:
    claims = list(claims_about(kernel.layout, kernel.images[BIN]))
    require(kernel, claims, "provenance", "sbom", "boot")


@pytest.mark.parametrize("kind", ["provenance", "sbom", "boot"])
def test_a_missing_claim_is_refused(kernel: RecordedKernel, kind: str) -> None:
    with pytest.raises(VerificationError, match=f"has no {kind} that the key signed"):
        require(kernel, [], kind)


@pytest.mark.parametrize(
    ("claim", "kind", "why"),
    [
        (Claim(BOOT, {"result": "FAILED"}), "boot", "does not say that the kernel passed"),
        (Claim(BOOT, {"result": "WARNED"}), "boot", "does not say that the kernel passed"),
        (
            Claim(BOOT, {"result": "PASSED", "failedTests": ["a"]}),
            "boot",
            "does not say that the kernel passed",
        ),
        (Claim(PROVENANCE, {}), "provenance", "about another recipe"),
        (
            Claim(
                PROVENANCE,
                {"buildDefinition": {"externalParameters": {"recipeKey": str(digest("x"))}}},
            ),
            "provenance",
            "about another recipe",
        ),
        (Claim(SBOM, {}), "sbom", "not a CycloneDX document"),
        (Claim(BOOT, {"result": "PASSED"}), "sbom", "signed is only: "),
    ],
)
def test_a_claim_that_is_not_good_is_refused(
    kernel: RecordedKernel, claim: Claim, kind: str, why: str
) -> None:
    with pytest.raises(VerificationError, match=why):
        require(kernel, [claim], kind)


def test_kinds_are_named_as_in_the_help() -> None:
    assert kinds_named("boot, sbom,,boot") == ["boot", "sbom"]
    assert kinds_named("") == []
    with pytest.raises(UserError, match="'vex' cannot be required"):
        kinds_named("boot,vex")


def test_types_have_titles() -> None:
    titles = [title_of(each) for each in (SIGNATURE, BOOT, "https://example.org/x")]
    assert titles == ["signature", "boot", "https://example.org/x"]


def test_images_of_a_kernel_that_never_have_a_claim_need_none(kernel: RecordedKernel) -> None:
    image, place = kernel.images[DEBUG], MemoryPlace()
    sign_image(place, image.descriptor, [], key(), CREATED)
    found = verified(place.attached, image.descriptor.digest)
    require_claims(found, "kernel-debug:6.1", ["boot"], image.labels, among_others=True)
    with pytest.raises(VerificationError):
        require_claims(found, "kernel-debug:6.1", ["boot"], image.labels)
