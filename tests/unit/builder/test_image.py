"""The image of a builder: which one serves, and what it must not be believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.arch import arch
from ingot.builder import builder_image, builder_kinds
from ingot.builder.builder_packages import digest_of
from ingot.builder.builder_site import Site
from ingot.catalog import BuilderSpec
from ingot.errors import UserError, VerificationError
from ingot.oci import read_image, write_image
from tests.support.builders import NEW, OLD, SPEC, lock, put
from tests.support.progress import Recorder


def test_a_builder_has_a_tag_that_moves_and_one_that_stays(site: Site) -> None:
    put(site, OLD)
    second = put(site, NEW)
    tags = site.layout.tags()
    assert set(tags) == {
        "kernel-builder:bookworm",
        f"kernel-builder:bookworm-{digest_of(OLD).short}",
        f"kernel-builder:bookworm-{digest_of(NEW).short}",
    }
    assert tags["kernel-builder:bookworm"].digest == second.descriptor.digest
    assert builder_image.find(SPEC, site) == tags["kernel-builder:bookworm"]


def test_it_tells_what_it_is_made_of(site: Site) -> None:
    made = put(site, OLD)
    assert builder_image.annotated_packages(made) == OLD
    assert builder_image.labelled_digest(made.labels) == digest_of(OLD)
    assert builder_kinds.known(SPEC, site.host, site) == digest_of(OLD)
    assert made.platform.architecture == "amd64"


def test_its_labels_and_annotations_have_the_names_that_other_stores_and_registries_have(
    site: Site,
) -> None:
    lock(site, NEW)
    made = put(site, OLD)
    labels = {f"dev.ingot.builder.{name}" for name in ("spec", "digest", "suite", "lock")}
    assert set(made.labels) == labels
    assert set(made.annotations) == {
        *(*labels, "dev.ingot.builder.packages"),
        "org.opencontainers.image.title",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"packages": ("bc", "flex")},
        {"packages_on": {"x86_64": ("flex",)}},
        {"suite": "bullseye"},
        {"more_suites": ("bookworm-updates",)},
        {"components": ("main", "contrib")},
        {"mirror": "http://127.0.0.1/debian"},
        {"keyring": "keys.gpg"},
    ],
)
def test_one_of_another_spec_does_not_serve(site: Site, change: dict[str, object]) -> None:
    put(site)
    assert builder_image.find(replace(SPEC, **change), site) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"llvm": True},
        {"packages_on": {"arm64": ("flex",)}},
        {"packages": (), "packages_on": {"x86_64": ("bc",)}},
    ],
)
def test_what_does_not_decide_its_packages_makes_no_other_builder(
    site: Site, change: dict[str, object]
) -> None:
    made = put(site)
    found = builder_image.find(replace(SPEC, **change), site)  # type: ignore[arg-type]
    assert found and found.digest == made.descriptor.digest


def test_one_that_other_keys_vouched_for_does_not_serve(site: Site) -> None:
    """A keyring is its bytes, not its name: another catalog may call another one so."""
    spec = replace(SPEC, keyring="keys.gpg")
    keyring = site.catalog / "keys.gpg"
    keyring.parent.mkdir(exist_ok=True)
    keyring.write_bytes(b"ours")
    labels = {builder_image.SPEC_LABEL: builder_image.spec_digest(spec, site)}
    assert builder_image.serves(labels, spec, site)
    assert not builder_image.serves(labels, SPEC, site)
    keyring.write_bytes(b"theirs")
    assert not builder_image.serves(labels, spec, site)
    (site.catalog / "copy.gpg").write_bytes(b"ours")
    assert builder_image.serves(labels, replace(spec, keyring="copy.gpg"), site)


def test_machines_of_two_arches_share_a_store(site: Site) -> None:
    other = replace(site, host=arch("arm64"))
    ours = put(site, OLD)
    assert builder_image.find(SPEC, other) is None
    theirs = put(other, tuple(line.replace("amd64", "arm64") for line in OLD))
    for at, made in ((site, ours), (other, theirs)):
        found = builder_image.find(SPEC, at)
        assert found and found.digest == made.descriptor.digest


def test_the_one_that_a_lock_lists_serves_whichever_was_made_last(site: Site) -> None:
    first = put(site, OLD)
    put(site, NEW)
    lock(site, OLD)
    found = builder_image.find(SPEC, site)
    assert found and found.digest == first.descriptor.digest


def test_one_that_was_made_under_another_lock_does_not_serve(site: Site) -> None:
    put(site, OLD)
    lock(site, NEW)
    assert (
        builder_image.find(SPEC, site) is None
    )  # made anew: the archive may have what the lock lists
    third = put(site, ("bc:amd64=2",))  # it has not
    found = builder_image.find(SPEC, site)
    assert found and found.digest == third.descriptor.digest
    assert builder_kinds.known(SPEC, site.host, site) == digest_of(("bc:amd64=2",))
    assert builder_kinds.known(replace(SPEC, locked=True), site.host, site) is None


def test_elsewhere_the_locked_one_is_asked_for_first(site: Site) -> None:
    assert builder_image.wanted_tags(SPEC, site) == ("kernel-builder:bookworm",)
    lock(site, OLD)
    assert builder_image.wanted_tags(SPEC, site) == (
        f"kernel-builder:bookworm-{digest_of(OLD).short}",
        "kernel-builder:bookworm",
    )


def test_an_incomplete_image_does_not_serve(site: Site) -> None:
    made = put(site)
    site.layout.blobs.path(made.layers[0].descriptor.digest).unlink()
    assert builder_image.find(SPEC, site) is None


def test_a_builder_from_elsewhere_must_be_made_of_what_it_says(site: Site) -> None:
    builder_image.verify_packages(site.layout, put(site))
    for status in (
        "",
        "Package: bc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6\n",
    ):
        with pytest.raises(VerificationError):
            builder_image.verify_packages(site.layout, put(site, OLD, status=status))


def test_the_names_in_published_builders_stay(site: Site) -> None:
    image = put(site)
    names = {*image.annotations, *image.labels}
    assert {name for name in names if name.startswith("dev.ingot.")} == {
        "dev.ingot.builder.digest",
        "dev.ingot.builder.packages",
        "dev.ingot.builder.spec",
        "dev.ingot.builder.suite",
    }
    lock(site, ("gone:amd64=1",))
    assert "dev.ingot.builder.lock" in put(site).labels


@pytest.mark.parametrize("annotation", [None, "no base64!", "bm8gZ3ppcA=="])
def test_an_image_that_does_not_say_what_it_is_made_of(site: Site, annotation: str | None) -> None:
    made = put(site)
    annotations = {name: text for name, text in made.annotations.items() if "packages" not in name}
    if annotation:
        annotations["dev.ingot.builder.packages"] = annotation
    descriptor = write_image(site.layout, made.layers, made.platform, made.labels, annotations, 0)
    with pytest.raises(UserError, match="has no valid list of packages"):
        builder_image.annotated_packages(read_image(site.layout, descriptor))


# Held against the lock when it is entered


@pytest.fixture
def entered(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("ingot.builder.rootfs_builder.extract", lambda *_: None)
    return site


def test_one_as_its_lock_lists_is_entered_without_a_word(entered: Site, recorder: Recorder) -> None:
    put(entered, OLD)
    lock(entered, OLD)
    for spec in (SPEC, replace(SPEC, locked=True), replace(SPEC, llvm=True)):
        builder = builder_kinds.ensure(spec, entered.host, entered, recorder)
        assert (builder.digest, builder.packages) == (digest_of(OLD), OLD)
        assert (builder.hermetic, builder.llvm) == (True, spec.llvm)
    assert recorder.notes == []


def test_another_one_is_told_or_refused(entered: Site, recorder: Recorder) -> None:
    lock(entered, OLD)
    put(entered, NEW)
    builder_kinds.ensure(SPEC, entered.host, entered, recorder)
    (note,) = recorder.notes
    assert "differs from bookworm-x86_64.lock: gcc:amd64 12.1 -> 12.2 (" in note
    with pytest.raises(UserError) as caught:
        builder_kinds.ensure(replace(SPEC, locked=True), entered.host, entered, recorder)
    assert "gcc:amd64 12.1 -> 12.2" in caught.value.why
    assert "--cache-from" in caught.value.hint


def test_many_changes_are_told_by_some(entered: Site, recorder: Recorder) -> None:
    lock(entered, ())
    put(entered, tuple(f"p{n}:amd64=1" for n in range(9)))
    builder_kinds.ensure(SPEC, entered.host, entered, recorder)
    assert "p2:amd64 1 is new and 6 more (" in recorder.notes[0]


def test_a_locked_one_needs_a_lock(entered: Site, recorder: Recorder) -> None:
    put(entered)
    spec = BuilderSpec("bookworm", "bookworm", ("bc",), locked=True)
    with pytest.raises(
        UserError, match=r"locked, but .*bookworm-x86_64\.lock is missing"
    ) as caught:
        builder_kinds.ensure(spec, entered.host, entered, recorder)
    assert "ingot builder update bookworm" in caught.value.hint
