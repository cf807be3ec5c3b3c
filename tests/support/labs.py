"""The catalog and the store of the end-to-end tests, and the command line run on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ingot import catalog
from ingot.arch import arch_called
from tests.support.places import E2E, REPOSITORY

VERSION = "6.1.176"

_CATALOG = """
[defaults]
builder = "bookworm"
arches = ["x86_64"]

[vmms.qemu]

[flavors.default]
vmms = ["qemu"]

[origins]
order = ["debian"]
debian_suites = {suites}

[builders.bookworm]
suite = "{suite}"
packages = {packages}

[series."6.1".versions."{version}".sha256]
debian = "{pin}"
"""


@dataclass(frozen=True, slots=True)
class Lab:
    """A catalog and a store of the tests' own, below `root`."""

    root: Path

    @property
    def kernels(self) -> Path:
        return self.root / "kernels"

    @property
    def store(self) -> Path:
        return self.root / "images"

    def add_to_fragment(self, name: str, *lines: str) -> None:
        path = self.kernels / "fragments" / f"{name}.config"
        path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))

    def patch(self, text: str) -> None:
        directory = self.kernels / "patches" / VERSION.rpartition(".")[0]
        directory.mkdir(parents=True)
        (directory / "0001-test.patch").write_text(text)

    def ingot(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line; progress and errors go to the test's own standard error."""
        result = subprocess.run(
            [sys.executable, "-m", "ingot", *words],
            env={**os.environ, "INGOT_CATALOG": str(self.kernels), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        sys.stderr.write(result.stderr)
        return result

    def build(self, **environment: str) -> dict[str, object]:
        """Build the kernel and return what `ingot build --json` says of it."""
        result = self.ingot("build", VERSION, "--json", **environment)
        assert result.returncode == 0, result.stderr
        (built,) = json.loads(result.stdout)["built"]
        assert isinstance(built, dict)
        return built

    def variant(self, root: Path) -> Lab:
        """A copy with its own catalog, and a store that has only the builder."""
        shutil.copytree(self.kernels, root / "kernels")
        shutil.copytree(self.store, root / "images", copy_function=os.link)
        index = root / "images" / "index.json"
        document = json.loads(index.read_text())
        document["manifests"] = [
            entry
            for entry in document["manifests"]
            if "builder" in entry["annotations"]["org.opencontainers.image.ref.name"]
        ]
        index.unlink()
        index.write_text(json.dumps(document))
        return Lab(root)


def make_lab(root: Path) -> Lab:
    """A lab with one small kernel, made of the fragments and the sources of this repository."""
    lab = Lab(root)
    shutil.copytree(E2E / "fragments", lab.kernels / "fragments")
    shutil.copytree(REPOSITORY / "kernels" / "keyrings", lab.kernels / "keyrings")
    (lab.kernels / "rules.toml").write_text("# The small kernels of these tests follow no rules.\n")
    ours = catalog.load(REPOSITORY / "kernels")
    (kernel,) = ours.select([VERSION])
    text = _CATALOG.format(
        suites=json.dumps(ours.origins.debian_suites),
        suite=kernel.builder.suite,
        packages=json.dumps(kernel.builder.packages_for(arch_called(os.uname().machine))),
        version=VERSION,
        pin=kernel.pins["debian"].hex,
    )
    (lab.kernels / "kernels.toml").write_text(text)
    return lab
