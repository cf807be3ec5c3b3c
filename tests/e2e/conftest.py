"""One real kernel for all end-to-end tests: real source, real builder, real compile, real boot.

The kernel is 6.1.176 with the few options of `fragments/` here, which compiles in minutes. The
cache is the user's own, so that a source that is there is not downloaded again.
"""

from __future__ import annotations

import pytest

from tests.support.labs import Lab, make_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def built(lab: Lab) -> dict[str, object]:
    """The kernel, compiled and booted once."""
    built = lab.build()
    assert built["found_in_store"] is False
    return built
