"""One real kernel for all end-to-end tests: real source, real builder, real compile, real boot.

The kernel is 6.1.176 with the few options of `fragments/` here, which compiles in minutes. The
cache is the user's own, so that a source that is there is not downloaded again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot import catalog
from ingot.arch import arch_called

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
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
        folder = self.kernels / "patches" / VERSION.rpartition(".")[0]
        folder.mkdir(parents=True)
        (folder / "0001-test.patch").write_text(text)

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


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    shutil.copytree(HERE / "fragments", lab.kernels / "fragments")
    shutil.copytree(ROOT / "kernels" / "keyrings", lab.kernels / "keyrings")
    ours = catalog.load(ROOT / "kernels")
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


@pytest.fixture(scope="session")
def built(lab: Lab) -> dict[str, object]:
    """The kernel, compiled and booted once."""
    built = lab.build()
    assert built["found_in_store"] is False
    return built
