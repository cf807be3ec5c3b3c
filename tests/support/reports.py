"""Images as a report finds them, and the report of them."""

from __future__ import annotations

import base64
import datetime
import gzip
import json

from ingot.boot.cost.boot_profile import Initcall, Phase, Profile
from ingot.catalog import Catalog
from ingot.images import KernelLabels
from ingot.report import FoundImage, Omission, Report, gather
from ingot.size_map import SizeMap
from tests.support.digests import digest

TODAY = datetime.date(2026, 11, 23)
SIZE_MAP = SizeMap(
    {"": 300, "drivers/net": 500, "drivers/pci": 200, "arch/x86/kernel": 400, "mm": 100},
    {"drivers/net/veth.ko": 70, "fs/xfs/xfs.ko": 900, "lone.ko": 5},
)
PROFILE = Profile(
    machine="qemu microvm",
    emulator="QEMU 7.2",
    command_line="console=ttyS0",
    instructions=90_000_000,
    phases=(Phase("setup", 60_000_000), Phase("initcalls", 30_000_000)),
    initcalls=(Initcall("acpi_init", 9_000_000), Initcall("inet_init", 4_000)),
    memory_used=24 << 20,
)
CONFIG = 'CONFIG_VIRTIO=y\nCONFIG_VETH=m\nCONFIG_NAME="x"\n'
KEY = "recipe"


def facts(version: str = "6.1.176", arch: str = "x86_64", **changes: object) -> KernelLabels:
    values: dict[str, object] = {
        "version": version,
        "release": version,
        "arch": arch,
        "recipe_key": digest(KEY),
        "config_digest": digest("config"),
        "source_digest": digest("source"),
        "builder_digest": digest("builder"),
        "command_line": "console=ttyS0 quiet",
    }
    return KernelLabels(**{**values, **changes})  # type: ignore[arg-type]


def packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


def carried(
    told: KernelLabels, config: str | None = CONFIG, size_map: SizeMap | None = SIZE_MAP
) -> dict[str, str]:
    """What the manifest of such an image carries."""
    texts = told.labels()
    if config is not None:
        texts["dev.ingot.config"] = packed(config)
    if size_map is not None:
        texts["dev.ingot.makeup"] = packed(json.dumps(size_map.to_json()))
    return texts


def found(
    version: str = "6.1.176",
    *tags: str,
    arch: str = "x86_64",
    config: str | None = CONFIG,
    size_map: SizeMap | None = SIZE_MAP,
    profile: Profile | None = PROFILE,
    **changes: object,
) -> FoundImage:
    """A base image, with the tags that a build gives it unless others are named."""
    told = facts(version, arch, **changes)
    names = tags or (version, f"{version}-{told.recipe_key.short}")
    name = digest(f"{version} {arch} {names} {changes}")
    return FoundImage(name, names, carried(told, config, size_map), (4000, 20, 800), profile)


def report(small: Catalog, *images: FoundImage, omissions: tuple[Omission, ...] = ()) -> Report:
    return gather(small, "", images or [found()], omissions)
