"""What the platforms take, as far as snippets give it: names, types, and what must be there.

Written down by hand from what each project publishes, named above each table. The whole of
what they publish is what scripts/check-specs holds the snippets against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """An object: its fields, and those that must be there."""

    fields: Mapping[str, Shape]
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Each:
    """A list of one kind of things."""

    of: Shape


@dataclass(frozen=True, slots=True)
class Texts:
    """An object with any fields, all of them text."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these values."""

    values: tuple[object, ...]


Shape = type | Table | Each | Texts | OneOf


def faults(value: object, shape: Shape, place: str = "") -> Iterator[str]:
    """Where a document is not of the shape, and how."""
    if isinstance(shape, type):
        if type(value) is not shape:
            yield f"{place}: {value!r} is not of type {shape.__name__}"
    elif isinstance(shape, OneOf):
        if value not in shape.values:
            yield f"{place}: {value!r} is none of {shape.values}"
    elif isinstance(shape, Each):
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
        else:
            for number, one in enumerate(value):
                yield from faults(one, shape.of, f"{place}[{number}]")
    elif not isinstance(value, dict):
        yield f"{place}: {value!r} is no object"
    elif isinstance(shape, Texts):
        for name, one in value.items():
            yield from faults(one, str, f"{place}.{name}")
    else:
        yield from (f"{place}: no {name}" for name in shape.required if name not in value)
        for name, one in value.items():
            if name in shape.fields:
                yield from faults(one, shape.fields[name], f"{place}.{name}")
            else:
                yield f"{place}: there is no field {name}"


# Flintlock 0.11.0, api/types/microvm.proto and api/services/microvm/v1alpha1/microvms.proto, in
# JSON as protobuf maps it; what must be there: core/models/{kernel,microvm}.go
_SOURCE = Table({"container_source": str, "virtiofs_source": str})


def _volume(**more: Shape) -> Table:
    fields: dict[str, Shape] = {
        "id": str,
        "is_read_only": bool,
        "source": _SOURCE,
        "partition_id": str,
    }
    return Table({**fields, "size_in_mb": int, **more}, required=("id", "source"))


def _flintlock(volume: Table) -> Table:
    kernel = Table(
        {"image": str, "cmdline": Texts(), "filename": str, "add_network_config": bool},
        required=("image", "filename"),
    )
    interface = Table(
        {"device_id": str, "type": OneOf((0, 1, "MACVTAP", "TAP")), "guest_mac": str},
        required=("device_id",),
    )
    machine = Table(
        {
            "id": str,
            "namespace": str,
            "labels": Texts(),
            "vcpu": int,
            "memory_in_mb": int,
            "kernel": kernel,
            "root_volume": volume,
            "additional_volumes": Each(volume),
            "interfaces": Each(interface),
            "metadata": Texts(),
        },
        required=("id", "namespace", "kernel", "root_volume", "interfaces"),
    )
    return Table({"microvm": machine}, required=("microvm",))


FLINTLOCK = _flintlock(_volume(mount_point=str))

# Flintlock 0.4.0, the same file: its Volume has no mount_point
FLINTLOCK_BEFORE_0_5 = _flintlock(_volume())


# CAPMVM 0.10.1, config/crd/bases/infrastructure.cluster.x-k8s.io_microvmmachinetemplates.yaml; the
# part of it that is about the kernel
def _capmvm(volume: Table) -> Table:
    machine = Table(
        {
            "kernel": Table({"image": str, "filename": str}, required=("image",)),
            "kernelCmdline": Texts(),
            "volumes": Each(volume),
        },
        required=("kernel",),
    )
    template = Table({"spec": machine}, required=("spec",))
    return Table({"spec": Table({"template": template}, ("template",))}, required=("spec",))


CAPMVM = _capmvm(Table({"id": str, "image": str, "mountPoint": str, "readOnly": bool}, ("id",)))

# CAPMVM 0.7.0, the same file: its volumes have no mountPoint
CAPMVM_BEFORE_0_8 = _capmvm(Table({"id": str, "image": str, "readOnly": bool}, ("id", "image")))

# Firecracker 1.16.1, src/firecracker/swagger/firecracker.yaml (FullVmConfiguration), and what its
# own reader cannot do without: src/vmm/src/resources.rs (VmmConfig)
FIRECRACKER = Table(
    {
        "boot-source": Table(
            {"kernel_image_path": str, "boot_args": str, "initrd_path": str},
            required=("kernel_image_path",),
        ),
        "drives": Each(
            Table(
                {
                    "drive_id": str,
                    "path_on_host": str,
                    "is_root_device": bool,
                    "is_read_only": bool,
                    "cache_type": OneOf(("Unsafe", "Writeback")),
                    "io_engine": OneOf(("Sync", "Async")),
                },
                required=("drive_id", "path_on_host", "is_root_device"),
            )
        ),
        "machine-config": Table(
            {"vcpu_count": int, "mem_size_mib": int, "smt": bool},
            required=("vcpu_count", "mem_size_mib"),
        ),
    },
    required=("boot-source", "drives"),
)

# Cloud Hypervisor 53.0: cloud-hypervisor/src/main.rs, and vmm/src/config.rs for what is in a value;
# an empty tuple: anything is
CLOUD_HYPERVISOR: Mapping[str, tuple[str, ...]] = {
    "--kernel": (),
    "--cmdline": (),
    "--disk": ("path=", "readonly=on", "readonly=off", "image_type=raw", "image_type=qcow2"),
    "--cpus": ("boot=", "max="),
    "--memory": ("size=", "shared=on"),
    "--serial": ("tty", "null", "off", "pty", "file="),
    "--console": ("tty", "null", "off", "pty", "file="),
}

# containerd 1.6.20 and 2.3.4, cmd/ctr/commands/images/*.go: a command's flags that take a value
CTR_IMAGES: Mapping[str, tuple[str, ...]] = {
    "pull": ("--platform", "--snapshotter", "--hosts-dir"),
    "import": ("--platform", "--snapshotter", "--base-name"),
    "mount": ("--platform", "--snapshotter"),
    "ls": (),
}


# crun ba38286f, krun.1.md, "VM Configuration File"
KRUN = Table(
    {
        "cpus": int,
        "ram_mib": int,
        "kernel_path": str,
        "kernel_format": OneOf((0, 1)),
        "initrd_path": str,
        "kernel_cmdline": str,
        "virtiofs_tag": str,
    },
    required=("kernel_path", "kernel_format"),
)

# libvirt 9.0, schemas/domaincommon.rng: an element is an object of its attributes, of its elements,
# each a list, and of its text
_TEXT = Table({"#text": str}, required=("#text",))
_SIZE = Table({"#text": str, "unit": str}, required=("#text",))
_EMPTY = Table({})


_DISK = Table(
    {
        "type": OneOf(("file", "block")),
        "device": OneOf(("disk", "cdrom", "lun", "floppy")),
        "driver": Each(Table({"name": str, "type": str})),
        "source": Each(Table({"file": str})),
        "target": Each(Table({"dev": str, "bus": str}, required=("dev",))),
    },
    required=("target",),
)
LIBVIRT = Table(
    {
        "type": OneOf(("kvm", "qemu")),
        "name": Each(_TEXT),
        "memory": Each(_SIZE),
        "vcpu": Each(_TEXT),
        "os": Each(
            Table(
                {
                    "type": Each(
                        Table({"#text": OneOf(("hvm",)), "arch": str, "machine": str}, ("#text",))
                    ),
                    "kernel": Each(_TEXT),
                    "initrd": Each(_TEXT),
                    "cmdline": Each(_TEXT),
                },
                required=("type",),
            )
        ),
        "features": Each(Table({"acpi": Each(_EMPTY)})),
        "cpu": Each(Table({"mode": OneOf(("host-passthrough", "host-model", "custom"))})),
        "devices": Each(
            Table(
                {
                    "disk": Each(_DISK),
                    "console": Each(
                        Table({"type": str, "target": Each(Table({"type": OneOf(("serial",))}))})
                    ),
                    "rng": Each(
                        Table(
                            {
                                "model": OneOf(("virtio",)),
                                "backend": Each(Table({"#text": str, "model": OneOf(("random",))})),
                            },
                            required=("model", "backend"),
                        )
                    ),
                    "memballoon": Each(Table({"model": OneOf(("virtio",))}, required=("model",))),
                }
            )
        ),
    },
    required=("type", "name", "memory", "os"),
)

# vfkit b2bc27e, doc/usage.md, and crosvm f1e797a, src/crosvm/cmdline.rs: the options
VFKIT = frozenset({"--cpus", "--memory", "--bootloader", "--device"})
CROSVM = frozenset({"--cpus", "--mem", "--block", "--serial", "--params", "--shared-dir"})
