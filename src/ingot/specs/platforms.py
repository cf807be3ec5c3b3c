"""The platforms that use kernels: a row of data for each, and its snippet in templates/.

If a release changed how the platform is configured, the row for earlier releases is the `legacy`
of the platform's own row. The data was read from these releases:

    Flintlock 0.4.0, 0.5.0, 0.11.0      api/types/microvm.proto; the providers' own command lines:
                                        infrastructure/**/{config,provider}.go
    CAPMVM 0.7.0, 0.8.0, 0.10.1         config/crd/bases, the CRD of MicrovmMachineTemplate
    Firecracker 1.0.0, 1.16.1           src/*/swagger/firecracker.yaml, FullVmConfiguration
    Cloud Hypervisor 50.1, 53.0         its options (main.rs), README.md on consoles
    containerd 1.6.20, 2.3.4            cmd/ctr/commands/images
    crun ba38286f                       krun.1.md, "VM Configuration File"
    libkrun 6ed74fa                     include/libkrun.h, KRUN_KERNEL_FORMAT_*
    vfkit b2bc27e                       doc/usage.md
    crosvm f1e797a                      src/crosvm/cmdline.rs, docs/book/src/devices/block.md
    libvirt 9.0                         schemas/domain.rng, docs/formatdomain.rst
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingot.errors import UserError
from ingot.suggestions import unknown_name

PLACEHOLDER = "REPLACE-ME"
"""The placeholder in every snippet for the guest's root file system, which Ingot does not make."""

FILES = "kernel"
"""The directory of the kernel's files in snippets: the argument of `--to`."""

MODULE_FILES = "modules"
"""The directory of the modules if they come from another image than the kernel."""


@dataclass(frozen=True, slots=True)
class TargetPlatform:
    """One platform, and how it is configured to use a kernel.

    `template` is a file in templates/; its suffix says how values are quoted. `vmms` are the VMMs
    of the catalog that the platform runs guests in; empty if it runs no guests.

    For a platform that is configured with the whole command line, `consoles` is the device of its
    console on each arch, and `arguments` are further parameters. For a platform that has its own
    command line and adds parameters to it, `own` are the names of the parameters on its own one.

    `values` are further values for its template, by arch.

    `one_image`: kernel and modules are in one image, and there is no volume for modules. `notes`
    and `steps` are information and next steps for the user, with names of values in braces.
    `legacy` is the row for older releases; None if they are configured in the same way.
    """

    name: str
    title: str
    template: str
    vmms: tuple[str, ...] = ()
    consoles: Mapping[str, str] = field(default_factory=dict, hash=False)
    arguments: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)
    one_image: bool = False
    notes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    legacy: TargetPlatform | None = None


_PUSH = "{push}"
_SEND = (
    "name the image of a root file system in place of {placeholder}",
    "send it: grpcurl -plaintext -d @ HOST:9090"
    " microvm.services.api.v1alpha1.MicroVM/CreateMicroVM < FILE",
)
_PASTE = "paste it into the MicrovmMachineTemplate of the control plane, and of the workers"
_ADDED = "these parameters are added to those that {title} passes to the kernel by itself"
_MOUNTED = "cloud-init in the guest mounts the modules: its root file system must have it"
_ROOT_BRINGS = (
    "no modules are mounted: the image of the root file system must contain them, for example by"
    " COPY --from={kernel} /lib/modules /lib/modules in its Dockerfile"
)
_ROOT_FILE = (
    "replace {placeholder}.{root.name} by a root file system; to load modules, it needs"
    " {modules_files}/lib/modules/{release} in its /lib/modules"
)

_FLINTLOCK_OWN = frozenset(
    (
        *("console", "reboot", "panic", "pci", "root", "rw", "ds", "network-config"),
        *("i8042.noaux", "i8042.nomux", "i8042.nopnp", "i8042.dumbkbd"),
    )
)
"""The parameters that Flintlock's two providers put on the command line."""

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
    """The row, with the legacy row for releases without volumes and Cloud Hypervisor."""
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
    # Only the serial console shows the kernel's messages from before it has found the PCI bus.
    # Without image_type, Cloud Hypervisor forbids writes to the first sector of a raw image.
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
            "afterwards the kernel is {files}/{filename},"
            " and its modules are in modules/lib/modules/{release}",
            "Flintlock uses its own namespace for images: ctr --namespace flintlock ...",
        ),
        steps=(
            _PUSH,
            "run it as root; to undo it: ctr images unmount --rm {files},"
            " ctr images unmount --rm modules",
        ),
    ),
    # A vmlinux is ELF, arm64's Image is raw. With an external kernel, libkrun adds nothing to the
    # command line. The tag of its root must not begin with /dev/, which Linux cuts off.
    TargetPlatform(
        name="libkrun",
        title="crun with libkrun",
        template="libkrun.json",
        vmms=("libkrun",),
        consoles={"x86_64": "hvc0", "arm64": "hvc0"},
        arguments=("root=rootfs", "rootfstype=virtiofs", "rw", "init=/init.krun"),
        values={"x86_64": {"kernel_format": 1}, "arm64": {"kernel_format": 0}},
        notes=("the container's own files are the root: it needs no disk",),
        steps=(
            "get the kernel's files: {get}",
            "replace /{placeholder} by the absolute path of the directory that has them",
            "name it .krun_vm.json, at the root of the container image; start the container with"
            " podman run --runtime=krun",
        ),
    ),
    TargetPlatform(
        name="vfkit",
        title="vfkit",
        template="vfkit.sh",
        vmms=("apple-virtualization",),
        consoles={"arm64": "hvc0"},
        arguments=("root=/dev/vda", "rw"),
        notes=("it runs on a Mac with Apple silicon",),
        steps=(
            "get the kernel's files: {get}",
            "replace {placeholder}.cpio by an initramfs, which vfkit needs, and"
            " {placeholder}.ext4 by a root file system",
        ),
    ),
    # crosvm itself adds root=/dev/vda and rw.
    TargetPlatform(
        name="crosvm",
        title="crosvm",
        template="crosvm.sh",
        vmms=("crosvm",),
        consoles={"x86_64": "ttyS0", "arm64": "ttyS0"},
        notes=("root=/dev/vda is added by crosvm itself",),
        steps=("get the kernel's files: {get}", _ROOT_FILE),
    ),
    # libvirt refuses ACPI on arm64 without UEFI.
    TargetPlatform(
        name="libvirt",
        title="libvirt",
        template="libvirt.xml",
        vmms=("qemu",),
        consoles={"x86_64": "ttyS0", "arm64": "ttyAMA0"},
        arguments=("root=/dev/vda", "rw"),
        values={
            "x86_64": {"machine_type": "q35", "acpi": True},
            "arm64": {"machine_type": "virt", "acpi": False},
        },
        steps=(
            "get the kernel's files: {get}",
            "replace /{placeholder} by the absolute path of the directory that has them, and"
            " /{placeholder}.ext4 by a root file system",
            "start it: virsh create FILE",
        ),
    ),
)

_BY_NAME = {platform.name: platform for platform in PLATFORMS}


def platform_named(name: str, *, legacy: bool = False) -> TargetPlatform:
    """The row with this name. UserError if there is none, or no legacy one."""
    if name not in _BY_NAME:
        what = f"there is no platform '{name}'"
        raise unknown_name(what, name, _BY_NAME, listed="the platforms are:")
    platform = _BY_NAME[name]
    if not legacy:
        return platform
    if platform.legacy is None:
        others = [row.legacy.title for row in PLATFORMS if row.legacy]
        raise UserError(
            f"--legacy does not apply to {platform.title}",
            why=f"it is for {' and '.join(others)}, which use one image for kernel and modules",
            hint="leave out --legacy",
        )
    return platform.legacy
