"""Profiles in the store: kept beside their image, read back for it alone, damaged ones told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from ingot import lab
from ingot.arch import arch
from ingot.boot.cost.boot_profile import PROFILE_TYPE, Profile
from ingot.boot.vmm import pvh
from ingot.boot.vmm.machines import QemuMachine
from ingot.builder.sandbox import Builder
from ingot.errors import UserError, VerificationError
from ingot.images import BASE, BIN
from ingot.lab import kept_profile, profiling
from ingot.oci import Image, Layout, read_artifact, read_image, validate_layout, write_artifact
from ingot.setting import Setting
from tests.support.digests import digest
from tests.support.kernel_images import Kernel, make_kernel
from tests.support.profiles import PROFILE
from tests.support.progress import Recorder


@dataclasses.dataclass(frozen=True)
class Shelf:
    """A store with one kernel's images."""

    kernel: Kernel
    base: Image

    @property
    def layout(self) -> Layout:
        return self.kernel.layout

    @property
    def tag(self) -> str:
        return f"{BASE}:6.1.176-{self.kernel.facts.recipe_key.short}-boot"

    def put(self, data: bytes, kind: str = PROFILE_TYPE, subject: Image | None = None) -> None:
        about = (subject or self.base).descriptor
        self.layout.tag({self.tag: write_artifact(self.layout, kind, data, about)})


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    kernel = make_kernel(tmp_path)
    return Shelf(kernel, read_image(kernel.layout, kernel.build()[BASE]))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str | None]]:
    """Stands in for the guests; has the kernel files and releases that were measured."""
    seen: list[tuple[Path, str | None]] = []

    def measure(
        kernel: Path,
        init: bytes,
        machine: QemuMachine,
        release: str | None,
        timeout: float,
        progress: object,
    ) -> Profile:
        assert kernel.is_file() and init == b"INIT" and timeout == 180.0
        seen.append((kernel, release))
        assert ("acpi=off" in machine.append) == (kernel.name == "with-entry")
        return PROFILE

    monkeypatch.setattr(profiling, "compile_init", lambda *_: b"INIT")
    monkeypatch.setattr(pvh, "needs_entry", lambda _: False)
    monkeypatch.setattr(profiling, "measure", measure)
    return seen


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder("bookworm", digest("builder"), tmp_path)


def test_what_is_measured_is_kept_beside_the_image(
    setting: Setting,
    shelf: Shelf,
    builder: Builder,
    measured: list[tuple[Path, str | None]],
) -> None:
    assert kept_profile(shelf.layout, shelf.base) is None
    assert lab.profile_image(setting, shelf.base, builder, Recorder()) == PROFILE
    assert kept_profile(shelf.layout, shelf.base) == PROFILE
    ((kernel, release),) = measured
    assert release == "6.1.176"
    assert not kernel.exists()
    artifact = read_artifact(shelf.layout, shelf.layout.tags()[shelf.tag])
    assert artifact.artifact_type == PROFILE_TYPE
    assert artifact.subject.digest == shelf.base.descriptor.digest
    assert json.loads(artifact.data) == json.loads(json.dumps(PROFILE.to_json()))
    assert not validate_layout(shelf.layout)
    before = shelf.layout.tags()
    lab.profile_image(setting, shelf.base, builder, Recorder())
    assert shelf.layout.tags() == before


def test_a_file_is_measured_and_nothing_kept(
    setting: Setting,
    builder: Builder,
    measured: list[tuple[Path, str | None]],
    tmp_path: Path,
) -> None:
    kernel = tmp_path / "vmlinux"
    kernel.write_bytes(b"ELF")
    assert lab.profile_file(setting, kernel, arch("x86_64"), builder, Recorder()) == PROFILE
    assert measured == [(kernel, None)]
    assert setting.project.layout.tags() == {}


def test_a_kernel_that_qemu_cannot_enter_is_measured_as_it_is_booted(
    setting: Setting,
    builder: Builder,
    measured: list[tuple[Path, str | None]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    entered = tmp_path / "with-entry"
    entered.write_bytes(b"ELF")
    monkeypatch.setattr(pvh, "needs_entry", lambda _: True)
    monkeypatch.setattr(pvh, "with_entry", lambda *_: entered)
    lab.profile_file(setting, tmp_path / "vmlinux", arch("x86_64"), builder, Recorder())
    assert measured == [(entered, None)]  # and, as the fixture sees to, without ACPI


def test_an_image_of_something_else_is_refused(
    setting: Setting,
    shelf: Shelf,
    builder: Builder,
) -> None:
    other = dataclasses.replace(shelf.base, labels={})
    with pytest.raises(UserError, match="does not hold a kernel built by Ingot"):
        lab.profile_image(setting, other, builder, Recorder())
    assert kept_profile(shelf.layout, other) is None


def test_what_was_measured_of_another_image_is_not_this_ones(shelf: Shelf) -> None:
    other = read_image(shelf.layout, shelf.layout.tags()[f"{BIN}:6.1.176"])
    shelf.put(json.dumps(PROFILE.to_json()).encode(), subject=other)
    assert kept_profile(shelf.layout, shelf.base) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", PROFILE_TYPE),
        (b"\xff", PROFILE_TYPE),
        (b"{}", PROFILE_TYPE),
        (b"[" * 100_000, PROFILE_TYPE),
        (json.dumps({**PROFILE.to_json(), "instructions": 1}).encode(), PROFILE_TYPE),
        (json.dumps(PROFILE.to_json()).encode(), "application/vnd.example.other"),
    ],
)
def test_a_profile_that_cannot_be_read_is_told(shelf: Shelf, data: bytes, kind: str) -> None:
    shelf.put(data, kind)
    with pytest.raises(VerificationError, match=shelf.tag) as caught:
        kept_profile(shelf.layout, shelf.base)
    assert "ingot profile" in caught.value.hint


def test_an_image_under_the_name_of_a_profile_is_told(shelf: Shelf) -> None:
    shelf.layout.tag({shelf.tag: shelf.base.descriptor})
    with pytest.raises(VerificationError, match="cannot be read"):
        kept_profile(shelf.layout, shelf.base)


def test_a_damaged_profile_is_told(shelf: Shelf) -> None:
    shelf.put(json.dumps(PROFILE.to_json()).encode())
    artifact = json.loads(shelf.layout.read_blob(shelf.layout.tags()[shelf.tag]))
    path = shelf.layout.blobs.directory / artifact["layers"][0]["digest"].removeprefix("sha256:")
    path.write_bytes(path.read_bytes().replace(b"qemu", b"QEMU"))
    with pytest.raises(VerificationError):
        kept_profile(shelf.layout, shelf.base)
