"""The architectures kernels are built for, and their names in each naming scheme.

An arch is a row of data. Code never branches on its name; other tables can be keyed by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.errors import UserError
from ingot.suggestions import SUGGESTED, similar_name


@dataclass(frozen=True, slots=True)
class Arch:
    """One architecture with its names in all naming schemes.

    `name` is Ingot's name, as in file names of configs; `machine` is the output of `uname -m`;
    `make` is the value of `ARCH=`, and the directory below `arch/`; `cross` is the prefix of the
    toolchain's programs (Debian has programs with this prefix on any host, also on this arch);
    `oci` is the image platform (Go's GOARCH, OCI image-spec, image-index.md). `image` is the
    compiled kernel file that VMMs load directly, relative to the build directory; `target` is the
    make target that produces it. `command_line` is the recommended kernel command line in a
    microVM: Firecracker's default, with modules allowed and the serial console on, and quiet,
    because every character on the console costs boot time.
    """

    name: str
    machine: str
    make: str
    cross: str
    oci: str
    target: str
    image: str
    command_line: str

    @property
    def names(self) -> tuple[str, ...]:
        """All its names, each once: `x86_64`, `x86`, `amd64`."""
        return tuple(dict.fromkeys((self.name, self.machine, self.make, self.oci)))


_ARCHES = {
    arch.name: arch
    for arch in (
        Arch(
            name="x86_64",
            machine="x86_64",
            make="x86",
            cross="x86_64-linux-gnu-",
            oci="amd64",
            target="vmlinux",
            image="vmlinux",
            command_line="console=ttyS0 reboot=k panic=1 quiet i8042.noaux i8042.nomux"
            " i8042.dumbkbd swiotlb=noforce",
        ),
        Arch(
            name="arm64",
            machine="aarch64",
            make="arm64",
            cross="aarch64-linux-gnu-",
            oci="arm64",
            target="Image",
            image="arch/arm64/boot/Image",
            command_line="console=ttyS0 panic=1 quiet swiotlb=noforce",
        ),
    )
}


def all_arches() -> tuple[Arch, ...]:
    """Every architecture that Ingot builds for."""
    return tuple(_ARCHES.values())


def arch(name: str) -> Arch:
    """The architecture with this name; a UserError lists the known ones."""
    try:
        return _ARCHES[name]
    except KeyError:
        raise _unknown(name) from None


def arch_called(word: str) -> Arch:
    """The architecture with this name in any scheme: `x86_64`, `x86`, `amd64`, `aarch64`."""
    for row in _ARCHES.values():
        if word in row.names:
            return row
    raise _unknown(word)


def _unknown(word: str) -> UserError:
    what = f"'{word}' is not an architecture that Ingot builds for"
    names = {other: row.name for row in _ARCHES.values() for other in row.names}
    near = names.get(similar_name(word, names), "")
    hint = f"{SUGGESTED}{near}?" if near else ""
    return UserError(what, why=f"it builds for {', '.join(_ARCHES)}", hint=hint)
