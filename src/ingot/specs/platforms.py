"""What takes a kernel: a row of data per platform, and in templates/ the text it wants.

A row for what comes before a release that changed how kernels are given hangs at the platform's
own (`legacy`). The facts were read in these projects' releases:

    Flintlock 0.4.0, 0.5.0, 0.11.0      api/types/microvm.proto; the providers' own command lines:
                                        infrastructure/**/{config,provider}.go
    CAPMVM 0.7.0, 0.8.0, 0.10.1         config/crd/bases, the CRD of MicrovmMachineTemplate
    Firecracker 1.0.0, 1.16.1           src/*/swagger/firecracker.yaml, FullVmConfiguration
    Cloud Hypervisor 50.1, 53.0         its options (main.rs), README.md on consoles
    containerd 1.6.20, 2.3.4            cmd/ctr/commands/images
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingot.errors import UserError

PLACEHOLDER = "REPLACE-ME"
"""Stands in every snippet for what Ingot does not make: the guest's root file system."""

FILES = "kernel"
"""The folder that snippets look for a kernel's files in: what `--to` is to name."""


@dataclass(frozen=True, slots=True)
class TargetPlatform:
    """One platform, and how it takes a kernel.

    `template` is a file in templates/; its suffix says how values are quoted. `vmms` are those
    of the catalog that the platform's guests run under; empty where it runs none.

    A platform that takes the whole command line has in `consoles` the device that its console
    is on each arch, and in `arguments` what it does not say to the kernel itself. One that
    has a command line of its own, and takes only what is to be added, lists in `own` the
    parameters on it.

    `one_image`: kernel and modules come in one image, and there is no volume for modules.
    `notes` and `steps` are what a person should know, and do next; in braces, names of values.
    `legacy` is the row for releases of before a change; None where there was none.
    """

    name: str
    title: str
    template: str
    vmms: tuple[str, ...] = ()
    consoles: Mapping[str, str] = field(default_factory=dict, hash=False)
    arguments: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    one_image: bool = False
    notes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    legacy: TargetPlatform | None = None


_PUSH = "push the images, unless the registry has them: ingot push {tag} --registry {registry}"
_SEND = (
    "name the image of a root file system in place of {placeholder}",
    "send it: grpcurl -plaintext -d @ HOST:9090"
    " microvm.services.api.v1alpha1.MicroVM/CreateMicroVM < FILE",
)
_PASTE = "paste it into the MicrovmMachineTemplate of the control plane, and of the workers"
_ADDED = "these parameters are added to those that {title} gives the kernel by itself"
_MOUNTED = "cloud-init in the guest mounts the modules: its root file system must have it"
_ROOT_BRINGS = (
    "no modules are mounted: the image of the root file system must bring them along, by"
    " COPY --from={kernel} /lib/modules /lib/modules in its Dockerfile"
)
_ROOT_FILE = (
    "put a root file system in place of {placeholder}.ext4; with"
    " {files}/lib/modules/{release} in its /lib/modules, it can load modules"
)

_FLINTLOCK_OWN = frozenset(
    (
        *("console", "reboot", "panic", "pci", "root", "rw", "ds", "network-config"),
        *("i8042.noaux", "i8042.nomux", "i8042.nopnp", "i8042.dumbkbd"),
    )
)
"""What Flintlock's two providers put on the command line."""

_FLINTLOCK = TargetPlatform(
    name="flintlock",
    title="Flintlock",
    template="flintlock.json",
    vmms=("firecracker", "cloud-hypervisor"),
    own=_FLINTLOCK_OWN,
    notes=(_ADDED, _MOUNTED),
    steps=(_PUSH, *_SEND),
)
_CAPMVM = TargetPlatform(
    name="capmvm",
    title="CAPMVM",
    template="capmvm.yaml",
    vmms=_FLINTLOCK.vmms,
    own=_FLINTLOCK_OWN,
    notes=(_ADDED, _MOUNTED),
    steps=(_PUSH, _PASTE),
)


def _with_legacy(platform: TargetPlatform, title: str) -> TargetPlatform:
    """The row, with that of its releases which knew neither volumes nor Cloud Hypervisor."""
    legacy = replace(
        platform,
        title=title,
        vmms=("firecracker",),
        one_image=True,
        notes=(_ADDED, _ROOT_BRINGS),
    )
    return replace(platform, legacy=legacy)


PLATFORMS = (
    _with_legacy(_FLINTLOCK, "Flintlock before 0.5.0"),
    _with_legacy(_CAPMVM, "CAPMVM before 0.8.0"),
    TargetPlatform(
        name="firecracker",
        title="Firecracker",
        template="firecracker.json",
        vmms=("firecracker",),
        consoles={"x86_64": "ttyS0", "arm64": "ttyS0"},
        notes=("root=/dev/vda is added by Firecracker itself",),
        steps=(
            "get the kernel's files: {get}",
            _ROOT_FILE,
            "start it: firecracker --no-api --config-file FILE",
        ),
    ),
    # Only the serial console shows what the kernel says before it has found the PCI bus. An
    # image whose type is guessed may not be written at its start, where ext4 has a superblock.
    TargetPlatform(
        name="cloud-hypervisor",
        title="Cloud Hypervisor",
        template="cloud-hypervisor.sh",
        vmms=("cloud-hypervisor",),
        consoles={"x86_64": "ttyS0", "arm64": "ttyAMA0"},
        arguments=("root=/dev/vda", "rw"),
        notes=("leave image_type=raw out for a Cloud Hypervisor before 50.1",),
        steps=("get the kernel's files: {get}", _ROOT_FILE),
    ),
    TargetPlatform(
        name="containerd",
        title="containerd",
        template="containerd.sh",
        notes=(
            "the kernel is then {files}/{filename},"
            " and its modules are modules/lib/modules/{release}",
            "Flintlock looks for images in a namespace of its own: ctr --namespace flintlock ...",
        ),
        steps=(
            _PUSH,
            "run it as root; to undo it: ctr images unmount --rm {files},"
            " ctr images unmount --rm modules",
        ),
    ),
)

_BY_NAME = {platform.name: platform for platform in PLATFORMS}


def platform_named(name: str, *, legacy: bool = False) -> TargetPlatform:
    """The row that is meant. A UserError if there is none, or no legacy one."""
    if name not in _BY_NAME:
        near = difflib.get_close_matches(name, _BY_NAME, n=1)
        raise UserError(
            f"there is no platform '{name}'",
            why=f"known: {', '.join(_BY_NAME)}",
            hint=f"did you mean {near[0]}?" if near else "",
        )
    platform = _BY_NAME[name]
    if not legacy:
        return platform
    if platform.legacy is None:
        others = [row.legacy.title for row in PLATFORMS if row.legacy]
        raise UserError(
            f"--legacy means nothing to {platform.title}",
            why=f"it is for {' and '.join(others)}, which take kernel and modules in one image",
            hint="leave --legacy out",
        )
    return platform.legacy
