"""The filter of system calls, run here as the kernel would run it."""

from __future__ import annotations

import errno
import struct

import pytest

from ingot.builder.call_filter import call_filter

ALLOWED = 0x7FFF0000
REFUSED = 0x00050000
X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
MACHINES = {X86_64: "x86_64", I386: "x86_64", AARCH64: "aarch64", ARM: "aarch64"}


def verdict(arch: int, number: int, *arguments: int) -> int:
    """What the filter says of a call (kernel: struct seccomp_data)."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *given)
    program = call_filter(MACHINES[arch])
    assert program is not None
    steps = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, if_true, if_not, operand = steps[at]
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif code == 0x54:
            value &= operand
        elif code == 0x15:
            at += if_true if value == operand else if_not
        elif code == 0x45:
            at += if_true if value & operand else if_not
        else:
            assert code == 0x06
            return int(operand)


KEYS = {X86_64: (248, 249, 250), I386: (286, 287, 288), AARCH64: (217, 218, 219), ARM: (309, 311)}
CHMOD = {X86_64: (90, 1), I386: (15, 1), AARCH64: (53, 2), ARM: (15, 1)}
OPENAT = {X86_64: 257, I386: 295, AARCH64: 56, ARM: 322}


@pytest.mark.parametrize("arch", MACHINES)
def test_there_are_no_keys(arch: int) -> None:
    for number in KEYS[arch]:
        assert verdict(arch, number) == REFUSED | errno.ENOSYS


@pytest.mark.parametrize("arch", MACHINES)
@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6000, 0o107777])
def test_no_mode_makes_a_file_run_as_its_owner(arch: int, mode: int) -> None:
    number, place = CHMOD[arch]
    assert verdict(arch, number, *[0] * place, mode) == REFUSED | errno.EPERM
    assert verdict(arch, OPENAT[arch], 0, 0, 0o101, mode) == REFUSED | errno.EPERM
    assert verdict(arch, OPENAT[arch], 0, 0, 0o20200001, mode) == REFUSED | errno.EPERM


@pytest.mark.parametrize("arch", MACHINES)
def test_what_compiles_do_is_allowed(arch: int) -> None:
    number, place = CHMOD[arch]
    for mode in (0o755, 0o1777, 0, 0o644):
        assert verdict(arch, number, *[0] * place, mode) == ALLOWED
        assert verdict(arch, OPENAT[arch], 0, 0, 0o101, mode) == ALLOWED
    # without a file to create, what is in the mode's place means nothing
    assert verdict(arch, OPENAT[arch], 0, 0, 0, 0o4755) == ALLOWED
    for other in (0, 1, 3, 4, 9, 11, 63, 64, 221, 435):
        if other not in (*KEYS[arch], 4):
            assert verdict(arch, other, 0o100, 0, 0, 0) == ALLOWED


def test_the_same_calls_by_another_name_on_x86_64() -> None:
    """Programs of the x32 ABI set a bit of the number."""
    assert verdict(X86_64, 0x40000000 | 250) == REFUSED | errno.ENOSYS
    assert verdict(X86_64, 0x40000000 | 90, 0, 0o4755) == REFUSED | errno.EPERM


def test_a_machine_that_is_not_known_has_no_filter() -> None:
    assert call_filter("riscv64") is None
