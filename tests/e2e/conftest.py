"""One real kernel for all end-to-end tests: real source, real builder, real compile, real boot.

The kernel is 6.1.176 with the few options of `fragments/` here, which compiles in minutes. The
cache is the user's own, so that a source that is there is not downloaded again.
"""

from __future__ import annotations

import json
import os
import shutil

import pytest

from ingot import catalog
from ingot.arch import arch_called
from tests.support.labs import VERSION, Lab
from tests.support.places import E2E, REPOSITORY

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


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    shutil.copytree(E2E / "fragments", lab.kernels / "fragments")
    shutil.copytree(REPOSITORY / "kernels" / "keyrings", lab.kernels / "keyrings")
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


@pytest.fixture(scope="session")
def built(lab: Lab) -> dict[str, object]:
    """The kernel, compiled and booted once."""
    built = lab.build()
    assert built["found_in_store"] is False
    return built
