"""Which checks a kernel is asked to pass: those of its fragments, or those of its config."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot import catalog as catalogs
from ingot.arch import arch
from ingot.catalog import LOCK_HEADER, Catalog
from ingot.errors import UserError
from ingot.lab import NamedConfig, checks_of_config, checks_of_kernel
from ingot.version import Series
from tests.support.configs import config_of
from tests.support.one_kernel import CATALOG

X86 = arch("x86_64")
CHECK = """
[[checks]]
name = "{name}"
about = "a test"
run = "clock"
options = [{options}]
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    directory = tmp_path / "kernels" / "fragments"
    for name, options in (("base/linux", '"A"'), ("vmm/qemu", '"A", "B"')):
        path = directory / f"{name}.toml"
        path.parent.mkdir(parents=True)
        path.write_text(CHECK.format(name=name.rpartition("/")[2], options=options))
        path.with_suffix(".config").touch()
    (tmp_path / "kernels" / "kernels.toml").write_text(CATALOG)
    return catalogs.load(tmp_path / "kernels")


def config(**values: str) -> NamedConfig:
    return NamedConfig("x", config_of(values), Series.parse("6.1"), X86)


def names(proofs: object) -> list[str]:
    return [proof.name for proof in proofs]  # type: ignore[attr-defined]


def test_a_kernel_of_the_catalog_must_prove_all_it_was_made_of(catalog: Catalog) -> None:
    kernel = catalog.kernels[0]
    assert names(checks_of_kernel(catalog, kernel)) == ["linux", "qemu"]
    assert names(checks_of_kernel(catalog, kernel, ["qemu"])) == ["qemu"]
    # in the catalog's order, whatever the order they are named in: some depend on it
    assert names(checks_of_kernel(catalog, kernel, ["vmm/qemu", "linux"])) == ["linux", "qemu"]
    assert names(checks_of_kernel(catalog, kernel, ["none"])) == []


def test_any_other_proves_what_its_config_has(catalog: Catalog) -> None:
    assert names(checks_of_config(catalog, config(A="y"))) == ["linux"]
    assert names(checks_of_config(catalog, config(A="y", B="m"))) == ["linux", "qemu"]
    assert names(checks_of_config(catalog, config(B="y"))) == []


def test_without_its_modules_it_has_only_what_is_built_in(catalog: Catalog) -> None:
    assert names(checks_of_config(catalog, config(A="y", B="m"), modules=False)) == ["linux"]


def test_what_is_asked_for_is_checked_whatever_the_config_has(catalog: Catalog) -> None:
    assert names(checks_of_config(catalog, config(), ["qemu"])) == ["qemu"]


def test_of_a_kernel_that_tells_nothing_nothing_is_asked(catalog: Catalog) -> None:
    assert checks_of_config(catalog, None) == ()
    assert checks_of_config(catalog, None, ["none"]) == ()
    with pytest.raises(UserError, match="its series and arch are not known"):
        checks_of_config(catalog, None, ["qemu"])


def test_a_check_that_there_is_not_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UserError, match="there is no check") as caught:
        checks_of_config(catalog, config(), ["qemu", "nothing"])
    assert "the checks are: linux, qemu" in str(caught.value)


def test_no_checks_and_a_check_are_refused(catalog: Catalog) -> None:
    with pytest.raises(UserError, match="'none' cannot be combined with other checks"):
        checks_of_config(catalog, config(), ["qemu", "none"])


def test_a_full_config_written_by_hand_is_tested_for_what_it_has(catalog: Catalog) -> None:
    kernel, resolved = catalog.kernels[0], config_of({"A": "y"})
    path = catalog.config_file(kernel)
    path.parent.mkdir()
    path.write_text(f"{LOCK_HEADER}0123\n")
    checks = checks_of_kernel(catalog, kernel, config=resolved)
    assert [check.unfit for check in checks] == ["", ""], "a lock file is that of the fragments"
    path.write_text("CONFIG_A=y\n")
    checks = checks_of_kernel(catalog, kernel, config=resolved)
    assert [check.unfit for check in checks] == ["", "the full config has B off"]
    checks = checks_of_kernel(catalog, kernel, ["qemu"], config=resolved)
    assert [check.unfit for check in checks] == [""], "a check that was named runs"
