"""The profile of a boot."""

from __future__ import annotations

from ingot.boot.cost.boot_profile import Initcall, Phase, Profile

PROFILE = Profile(
    machine="qemu microvm",
    emulator="QEMU 7.2.22",
    command_line="console=ttyS0 quiet",
    instructions=103_628_544,
    phases=(Phase("memory", 100_000_000), Phase("initramfs", 3_628_544)),
    initcalls=(Initcall("populate_rootfs", 41_888_134), Initcall("acpi_init", 1_584_649)),
    memory_used=25_681_920,
    calibration=108_003_829,
    log_clock=77_244_604,
)
