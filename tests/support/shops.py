"""Kernels that nobody compiled, in a store: small, quick to make, and whole in every other way."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from ingot import catalog
from ingot.catalog import Kernel
from ingot.compile.compile_kernel import Artifacts
from ingot.compile.devel_tree import Devel
from ingot.compiled_files import CompiledFiles
from ingot.digest import Digest
from ingot.images import DEVEL, MODULES, KernelLabels, read_facts, tags_for
from ingot.images.module_images import Modules, write_module_images
from ingot.images.write_images import write_images
from ingot.oci import Descriptor, Layout, Platform, file_entry, read_image, write_image, write_layer
from ingot.progress import Silent
from ingot.setting import Project, Setting
from ingot.size_map import SizeMap
from ingot.workspace import Workspace

BUILDER = "kernel-builder:test"
PACKAGES = Digest.of(b"the packages of the builder")

_CATALOG = """
[defaults]
builder = "test"
arches = ["x86_64", "arm64"]
flavors = ["default", "minimal"]

[vmms.firecracker]

[features.fuse]

[flavors.default]
vmms = ["firecracker"]

[flavors.minimal]
vmms = ["firecracker"]

[origins]
order = ["debian"]
debian_suites = []

[builders.test]
suite = "bookworm"
packages = ["make"]

[series."6.1".versions."6.1.9".sha256]

[series."6.1".versions."6.1.10".sha256]

[series."7.2".versions."7.2".sha256]
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A catalog and a store below `root`."""

    root: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.root / "images")

    @property
    def setting(self) -> Setting:
        workspace = Workspace(self.root / "cache", self.root / "build")
        found = catalog.load(self.root / "kernels")
        return Setting(Project(found, self.layout, workspace, "x86_64"))

    def kernel(self, name: str) -> Kernel:
        """What the catalog calls so, such as `6.1.9-minimal-arm64`."""
        (kernel,) = self.setting.project.catalog.select([name])
        return kernel

    def put(self, name: str, content: str = "") -> dict[str, Descriptor]:
        """Put a kernel's images into the store, under its tags; `content` makes it another one."""
        kernel = self.kernel(name)
        recipe = Digest.of(f"recipe of {name}".encode())
        artifacts = _artifacts(
            self.root / f"build-{name}-{content.replace('/', '-')}", kernel, f"{name} {content}"
        )
        facts = KernelLabels(
            version=str(kernel.version),
            release=artifacts.release,
            arch=kernel.arch.name,
            recipe_key=recipe,
            config_digest=Digest.of_file(artifacts.config),
            source_digest=Digest.of(str(kernel.version).encode()),
            builder_digest=PACKAGES,
            command_line=kernel.arch.command_line,
        )
        with self.layout.in_use():
            images = write_images(
                self.layout, artifacts, facts, kernel.arch, Silent(), host=kernel.arch
            )
            self.layout.tag(tags_for(images, facts, kernel.tag))
        return images

    def put_modules(self, kernel: str, name: str = "hello") -> dict[str, Descriptor]:
        """Put the images of an out-of-tree module into the store, for a kernel that it has."""
        file = self.root / f"{name}.ko"
        file.write_text(f"a module for {kernel}")
        tags = self.layout.tags()
        own = read_image(self.layout, tags[f"{MODULES}:{kernel}"])
        facts = read_facts(own)
        assert facts is not None
        modules = Modules(
            name,
            source=Digest.of(name.encode()),
            devel=tags[f"{DEVEL}:{kernel}"].digest,
            files={file.name: file},
            indexes={"modules.dep": file},
        )
        with self.layout.in_use():
            made = write_module_images(self.layout, own, facts, modules, kernel, Silent())
            self.layout.tag(made)
        return made

    def put_builder(self) -> Descriptor:
        """Put something into the store that passes for the builder of its kernels."""
        file = self.root / "gcc"
        file.write_text("a compiler")
        labels = {"dev.ingot.builder.digest": str(PACKAGES)}
        with self.layout.in_use():
            layer = write_layer(self.layout, [file_entry("usr/bin/gcc", file)], 0)
            image = write_image(self.layout, [layer], Platform("linux", "amd64"), labels, labels, 0)
            self.layout.tag({BUILDER: image, f"{BUILDER}-{PACKAGES.short}": image})
        return image


def open_shop(root: Path) -> Shop:
    """An empty store beside a catalog of 6.1.9, 6.1.10 and 7.2, for two arches, in two flavors."""
    fragments = root / "kernels" / "fragments"
    for name in ("base/linux", "base/x86_64", "base/arm64", "vmm/firecracker", "feature/fuse"):
        path = fragments / f"{name}.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# nothing\n")
    (root / "kernels" / "kernels.toml").write_text(_CATALOG)
    (root / "kernels" / "rules.toml").touch()
    return Shop(root)


def _artifacts(directory: Path, kernel: Kernel, content: str) -> Artifacts:
    """What a compile would leave: bytes that do not compress, different for each `content`."""
    noise = random.Random(content)
    release = str(kernel.version)
    modules = directory / "modules"
    (modules / "kernel" / "net").mkdir(parents=True)
    (modules / "kernel" / "net" / "veth.ko").write_bytes(noise.randbytes(40_000))
    (modules / "modules.dep").write_text("kernel/net/veth.ko:\n")
    for name, size in (("kernel", 150_000), ("vmlinux", 90_000), ("System.map", 100)):
        (directory / name).write_bytes(noise.randbytes(size))
    (directory / ".config").write_text(f"CONFIG_A=y\n# {content}\n")
    return Artifacts(
        release=release,
        kernel=directory / "kernel",
        symbols=directory / "vmlinux",
        config=directory / ".config",
        system_map=directory / "System.map",
        modules=modules,
        epoch=86_400,
        size_map=SizeMap({"": 150_000}, {"net/veth.ko": 40_000}),
        compiled_files=CompiledFiles(
            frozenset({"init/main.c"}),
            {"kernel/net/veth.ko": frozenset({"net/veth.c"})},
            frozenset({"init/main.c", "net/veth.c", "net/other.c"}),
        ),
        devel=Devel({}, {".config": directory / ".config"}),
    )
