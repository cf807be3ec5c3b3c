"""Measuring what a base image's kernel costs to boot, and keeping that beside the image.

    flintlock-kernel:<version>-<12 digits of the recipe key>-boot

is an OCI artifact whose subject is the image: it goes where the image goes, and says nothing of
any other.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.cost.boot_profile import PROFILE_TYPE, Profile
from ingot.boot.cost.instruction_count import measure
from ingot.boot.guest.guest_contents import compile_init
from ingot.boot.vmm.machines import machine_for
from ingot.boot.vmm.pvh import enterable
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import UserError, VerificationError
from ingot.images import BASE, KernelLabels, read_facts
from ingot.lab.boot_target import BootTarget, laid_out
from ingot.lab.booting import tell_confinement
from ingot.oci import Image, Layout, read_artifact, write_artifact
from ingot.progress import Progress
from ingot.setting import Setting, in_use

_TAG = re.compile(rf"{BASE}:.+-[0-9a-f]{{12}}-boot")


def is_profile(tag: str) -> bool:
    """Whether a tag of the store is the name of a profile, and so not of an image."""
    return _TAG.fullmatch(tag) is not None


def profile_image(setting: Setting, image: Image, builder: Builder, progress: Progress) -> Profile:
    """Measure the kernel of a base image and keep the profile; BootError if it does not boot."""
    with laid_out(setting.project, image, builder, progress) as subject:
        profile = measure_subject(setting, subject, progress)
    keep_profile(setting.project.layout, profile, image)
    return profile


def measure_subject(setting: Setting, subject: BootTarget, progress: Progress) -> Profile:
    """Measure a kernel that is laid out, and keep nothing; BootError if it does not boot."""
    kernel, arch, release = subject.kernel, subject.arch, subject.release
    return measure_kernel(setting, subject.sandbox, kernel, arch, release, progress)


def profile_file(
    setting: Setting, kernel: Path, arch: Arch, builder: Builder, progress: Progress
) -> Profile:
    """Measure a kernel file, whoever built it; nothing is kept. BootError if it does not boot."""
    with in_use(setting.project, progress), setting.project.workspace.build_folder() as folder:
        sandbox = Sandbox.below(folder, builder)
        return measure_kernel(setting, sandbox, kernel, arch, None, progress)


def kept_profile(layout: Layout, base: Image) -> Profile | None:
    """What was measured of this very base image; None if the store has nothing of it.

    VerificationError for a profile that is damaged.
    """
    facts = read_facts(base)
    tag = _tag(facts) if facts else ""
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
    tell_confinement(machine, progress)
    return measure(kernel, init, machine, release, setting.options.boot_seconds, progress)


def keep_profile(layout: Layout, profile: Profile, image: Image) -> None:
    """Keep what was measured of a base image beside it."""
    facts = read_facts(image)
    assert facts is not None
    data = json.dumps(profile.to_json(), indent=1).encode()
    with layout.in_use():
        artifact = write_artifact(layout, PROFILE_TYPE, data, image.descriptor)
        layout.tag({_tag(facts): artifact})


def _tag(facts: KernelLabels) -> str:
    return f"{BASE}:{facts.version}-{facts.recipe_key.short}-boot"
