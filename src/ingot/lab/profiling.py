"""Measures the boot cost of a base image's kernel, and stores this boot profile next to the image.

    flintlock-kernel:<version>-<12 digits of the recipe key>-boot

is an OCI artifact whose subject is the image. It is copied together with the image, and is valid
only for that image.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.cost.boot_profile import PROFILE_TYPE, Profile
from ingot.boot.cost.instruction_count import measure
from ingot.boot.guest.guest_contents import compile_init
from ingot.boot.vmm.machines import machine_for
from ingot.boot.vmm.pvh import enterable
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import UserError, VerificationError
from ingot.images import PROFILE, artifact_tag, read_facts
from ingot.lab.boot_target import BootTarget, prepared_target
from ingot.lab.booting import note_confinement
from ingot.oci import Image, Layout, read_artifact, write_artifact
from ingot.progress import Progress
from ingot.setting import Setting, in_use


def profile_image(setting: Setting, image: Image, builder: Builder, progress: Progress) -> Profile:
    """Measure the kernel of a base image and keep the profile; BootError if it does not boot."""
    setting.project.layout.require_writable()  # before the boots, which take long
    with prepared_target(setting.project, image, builder, progress) as target:
        profile = measure_prepared(setting, target, progress)
    keep_profile(setting.project.layout, profile, image)
    return profile


def measure_prepared(setting: Setting, target: BootTarget, progress: Progress) -> Profile:
    """Measure a prepared kernel, without storing the profile; BootError if it does not boot."""
    kernel, arch, release = target.kernel, target.arch, target.release
    return measure_kernel(setting, target.sandbox, kernel, arch, release, progress)


def profile_file(
    setting: Setting, kernel: Path, arch: Arch, builder: Builder, progress: Progress
) -> Profile:
    """Measure any kernel file, without storing the profile; BootError if it does not boot."""
    with (
        in_use(setting.project, progress),
        setting.project.workspace.build_directory() as directory,
    ):
        sandbox = Sandbox.below(directory, builder)
        return measure_kernel(setting, sandbox, kernel, arch, None, progress)


def kept_profile(layout: Layout, base: Image) -> Profile | None:
    """The stored profile of exactly this base image; None if the store has none.

    VerificationError if the profile is damaged.
    """
    facts = read_facts(base)
    tag = artifact_tag(facts, PROFILE) if facts else ""
    descriptor = layout.find(tag)
    if descriptor is None:
        return None
    try:
        artifact = read_artifact(layout, descriptor)
        if artifact.subject.digest != base.descriptor.digest:
            return None
        if artifact.artifact_type != PROFILE_TYPE:
            raise UserError("this is not a boot profile", why=f"it is {artifact.artifact_type}")
        return Profile.from_json(json.loads(artifact.data))
    except (UserError, ValueError, RecursionError) as error:
        raise VerificationError(
            f"the boot profile {tag} of the store cannot be read",
            why=str(error),
            hint="measure the kernel again: ingot profile KERNEL",
        ) from None


def measure_kernel(
    setting: Setting,
    sandbox: Sandbox,
    kernel: Path,
    arch: Arch,
    release: str | None,
    progress: Progress,
) -> Profile:
    init = compile_init(sandbox, arch, "measure.c")
    kernel, machine = enterable(sandbox, kernel, arch, machine_for(arch))
    note_confinement(machine, progress)
    return measure(kernel, init, machine, release, setting.options.boot_seconds, progress)


def keep_profile(layout: Layout, profile: Profile, image: Image) -> None:
    """Store the boot profile of a base image next to it."""
    facts = read_facts(image)
    assert facts is not None
    data = json.dumps(profile.to_json(), indent=1).encode()
    with layout.in_use():
        artifact = write_artifact(layout, PROFILE_TYPE, data, image.descriptor)
        layout.tag({artifact_tag(facts, PROFILE): artifact})
