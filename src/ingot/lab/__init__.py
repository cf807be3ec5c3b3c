"""Tests of a kernel: boots, guest checks, boot profiles and budgets."""

from ingot.lab.boot_root import Root, boot_root, open_root_terminal, require_disk_root
from ingot.lab.boot_target import arch_of
from ingot.lab.booting import DISKS, BootRequest, boot_file, boot_image, refusal_of_file, refused
from ingot.lab.budget_check import require_affordable
from ingot.lab.config_reader import (
    NamedConfig,
    config_of_file,
    config_of_image,
    config_of_reference,
)
from ingot.lab.profiling import kept_profile, profile_file, profile_image
from ingot.lab.proving import (
    NO_CHECKS,
    all_checks,
    checks_of_config,
    checks_of_kernel,
    checks_of_modules,
)

__all__ = [
    "DISKS",
    "NO_CHECKS",
    "BootRequest",
    "NamedConfig",
    "Root",
    "all_checks",
    "arch_of",
    "boot_file",
    "boot_image",
    "boot_root",
    "checks_of_config",
    "checks_of_kernel",
    "checks_of_modules",
    "config_of_file",
    "config_of_image",
    "config_of_reference",
    "kept_profile",
    "open_root_terminal",
    "profile_file",
    "profile_image",
    "refusal_of_file",
    "refused",
    "require_affordable",
    "require_disk_root",
]
