"""A small image that is the same everywhere, for tests of `oci` and the golden file."""

from __future__ import annotations

import json
from pathlib import Path

from ingot.oci import (
    Descriptor,
    Layer,
    LayerEntry,
    Layout,
    Platform,
    directory_entry,
    file_entry,
    link_entry,
    write_image,
    write_layer,
)

GOLDEN = Path(__file__).with_name("golden.json")
MTIME = 1_700_000_000
PLATFORM = Platform("linux", "amd64")
LONG_NAME = "/".join(["a-folder-with-a-long-name"] * 6) + "/file"


def entries() -> list[LayerEntry]:
    return [
        file_entry("boot/vmlinux", b"not a kernel\n" * 5000),
        file_entry("usr/bin/tool", b"#!/bin/sh\n", 0o755),
        file_entry("empty", b""),
        file_entry(LONG_NAME, b"found"),
        directory_entry("lib/modules/6.1.176"),
        link_entry("lib/modules/latest", "6.1.176"),
        link_entry("lib/modules/long", "x/" * 80 + "x"),
        file_entry("gr\u00fc\u00df", "Gr\u00fc\u00dfe".encode()),
    ]


def layer(layout: Layout) -> Layer:
    return write_layer(layout, entries(), MTIME)


def image(layout: Layout, text: str = "sample") -> Descriptor:
    return write_image(
        layout,
        [layer(layout)],
        PLATFORM,
        {"org.example.text": text},
        {"org.opencontainers.image.title": "A sample"},
        MTIME,
        ["kernel"],
    )


def digests(layout: Layout) -> dict[str, str]:
    """What `golden.json` holds."""
    written = layer(layout)
    manifest = image(layout)
    config = json.loads(layout.read_blob(manifest))["config"]["digest"]
    return {
        "layer": str(written.descriptor.digest),
        "diff_id": str(written.diff_id),
        "config": config,
        "manifest": str(manifest.digest),
    }
