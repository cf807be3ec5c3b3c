"""The artifacts of a small kernel, and what its images say of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.arch import arch
from ingot.builder.sandbox import Builder
from ingot.compile.compile_kernel import Artifacts
from ingot.compile.devel_tree import Devel
from ingot.compiled_files import CompiledFiles
from ingot.images import KernelLabels, facts_of, tags_for
from ingot.images.write_images import write_images
from ingot.oci import Descriptor, Layout
from ingot.progress import Silent
from ingot.recipe import Recipe
from ingot.size_map import SizeMap
from ingot.source.origin import Source
from ingot.version import KernelVersion
from tests.support.digests import digest

VERSION = KernelVersion.parse("6.1.176")
RELEASE = "6.1.176"
CONFIG = '# Linux/x86\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="ä"\n'
SIZE_MAP = SizeMap({"": 7, "net/core": 9}, {"net/veth.ko": 14})
X86 = arch("x86_64")


@dataclass(frozen=True)
class Kernel:
    """One compiled kernel, its facts, and the store it goes to."""

    layout: Layout
    artifacts: Artifacts
    facts: KernelLabels

    def write(self) -> dict[str, Descriptor]:
        return write_images(
            self.layout, self.artifacts, self.facts, X86, Silent(), host=arch("arm64")
        )

    def build(self) -> dict[str, Descriptor]:
        images = self.write()
        self.layout.tag(tags_for(images, self.facts, "6.1.176"))
        return images


def make_kernel(
    root: Path, key: str = "recipe", *, with_modules: bool = True, size_map: SizeMap | None = None
) -> Kernel:
    build = root / f"build-{key}-{with_modules}"
    modules = build / "install/lib/modules" / RELEASE
    modules.mkdir(parents=True)
    if with_modules:
        (modules / "kernel/net").mkdir(parents=True)
        (modules / "kernel/net/veth.ko").write_bytes(b"veth of " + key.encode())
        (modules / "modules.dep").write_text("kernel/net/veth.ko:\n")
    for name in ("kernel", "vmlinux", "System.map"):
        (build / name).write_text(f"{name} of {key}")
    (build / ".config").write_text(CONFIG)
    (root / "Makefile").write_text("all:\n")
    (build / "modpost").write_text("#!/bin/sh\n")
    (build / "modpost").chmod(0o755)
    artifacts = Artifacts(
        release=RELEASE,
        kernel=build / "kernel",
        symbols=build / "vmlinux",
        config=build / ".config",
        system_map=build / "System.map",
        modules=modules,
        epoch=86_400,
        size_map=SIZE_MAP if size_map is None else size_map,
        compiled_files=CompiledFiles(
            frozenset({"init/main.c"}),
            {"kernel/net/veth.ko": frozenset({"net/veth.c"})},
            frozenset({"init/main.c", "net/veth.c", "net/other.c"}),
        ),
        devel=Devel(
            {"Makefile": root / "Makefile", ".config": root / "Makefile"},
            {".config": build / ".config", "scripts/mod/modpost": build / "modpost"},
        ),
    )
    source = Source(VERSION, "debian", digest("source"), root, 86_400, "http://x", "signed")
    builder = Builder("bookworm", digest("builder"), root)
    facts = facts_of(source, builder, X86, artifacts, digest(key))
    return Kernel(Layout(root / "images"), artifacts, facts)


RECIPE = Recipe(
    source=digest("source"),
    patches=(digest("patch"),),
    config=digest(CONFIG),
    builder=digest("builder"),
    arch="x86_64",
    make_flags=("ARCH=x86_64",),
)
