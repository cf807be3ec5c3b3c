"""The architectures kernels are built for, and what each naming scheme calls them.

An arch is a row of data. Code never branches on its name; other tables may be keyed by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.errors import UserError


@dataclass(frozen=True, slots=True)
class Arch:
    """One architecture under all the names it goes by.

    `name` is the kernel's (`uname -m`, and the file names of configs); `make` is the value
    of `ARCH=`; `oci` is the image platform (Go's GOARCH, OCI image-spec, image-index.md).
    `image` is the kernel file a compile leaves, relative to the build folder, which the
    VMMs load directly; `target` is the make target that produces it. `command_line` is what
    is recommended to boot it with in a microVM: Firecracker's default, with modules allowed
    and the serial console on, quiet because every character on it costs boot time.
    """

    name: str
    make: str
    oci: str
    target: str
    image: str
    command_line: str


_ARCHES = {
    arch.name: arch
    for arch in (
        Arch(
            name="x86_64",
            make="x86",
            oci="amd64",
            target="vmlinux",
            image="vmlinux",
            command_line="console=ttyS0 reboot=k panic=1 quiet i8042.noaux i8042.nomux"
            " i8042.dumbkbd swiotlb=noforce",
        ),
    )
}


def arch(name: str) -> Arch:
    """The architecture the kernel calls `name`; a UserError lists the known ones."""
    try:
        return _ARCHES[name]
    except KeyError:
        raise UserError(
            f"'{name}' is not an architecture Ingot builds for",
            hint=f"known: {', '.join(_ARCHES)}",
        ) from None
