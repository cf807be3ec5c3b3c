"""`ingot list`: which kernels its filters select, and the sizes of built ones."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingot import catalog
from ingot.cli.list_kernels import _vmm
from ingot.cli.main import app
from ingot.errors import UserError
from ingot.oci import read_image
from tests.support.shops import Shop, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = open_shop(tmp_path_factory.mktemp("shop"))
    (shop.root / "kernels/fragments/vmm/qemu.config").write_text("# nothing\n")
    path = shop.root / "kernels" / "kernels.toml"
    text = path.read_text()
    text = text.replace("[flavors.minimal]", '[flavors.minimal]\nfeatures = ["fuse"]')
    ended = '[vmms.qemu]\n[series."6.1"]\nend_of_life = 2020-01-01\n'
    ended += (
        'supported_by = { firecracker = "1.9.0" }\nsupported_until = { firecracker = 2020-09-02 }\n'
    )
    text = text.replace(
        '[series."7.2"]', '[series."7.2"]\nsupported_by = { firecracker = "2.0.0" }'
    )
    path.write_text(text + ended)
    shop.put("6.1.9-minimal")
    return shop


def run(shop: Shop, *words: str) -> Result:
    return CliRunner().invoke(app, ["--catalog", str(shop.root / "kernels"), "list", *words])


def listed(shop: Shop, *words: str) -> set[str]:
    result = run(shop, *words, "--json")
    assert result.exit_code == 0, result.exception
    return {row["kernel"] for row in json.loads(result.stdout)["kernels"]}


ALL = {
    f"{version}{flavor}{arch}"
    for version in ("6.1.9", "6.1.10", "7.2")
    for flavor in ("", "-minimal")
    for arch in ("", "-arm64")
}
OLD = {name for name in ALL if name.startswith("6.1")}


@pytest.mark.parametrize(
    ("words", "kernels"),
    [
        ((), ALL),
        (("6.1",), OLD),
        (("6.1.9", "7.2-minimal"), {name for name in ALL if "6.1.9" in name} | {"7.2-minimal"}),
        (("6.1-minimal",), {"6.1.10-minimal"}),
        (("--arch", "aarch64"), {name for name in ALL if "arm64" in name}),
        (("--arch", "all", "--flavor", "all"), ALL),
        (("--flavor", "minimal"), {name for name in ALL if "minimal" in name}),
        (("--feature", "fuse", "6.1.9"), {"6.1.9-minimal", "6.1.9-minimal-arm64"}),
        (("--vmm", "firecracker"), ALL),
        (("--vmm", "qemu"), set()),
        (("--built",), {"6.1.9-minimal"}),
        (("--maintained",), ALL - OLD),
    ],
)
def test_filters_select_kernels(shop: Shop, words: tuple[str, ...], kernels: set[str]) -> None:
    assert listed(shop, *words) == kernels


@pytest.mark.parametrize(
    "words",
    [("9.9",), ("--arch", "vax"), ("--flavor", "tiny"), ("--vmm", "x"), ("--feature", "fus")],
)
def test_a_name_that_the_catalog_lacks_is_an_error(shop: Shop, words: tuple[str, ...]) -> None:
    assert isinstance(run(shop, *words).exception, UserError)


def test_a_built_kernel_has_a_size(shop: Shop) -> None:
    tag = shop.layout.tags()["flintlock-kernel:6.1.9-minimal"]
    size = read_image(shop.layout, tag).size
    (row,) = json.loads(run(shop, "--built", "--json").stdout)["kernels"]
    assert (row["size"], row["digest"]) == (size, str(tag.digest))
    assert f"minimal ✓ ({size / 1024:.1f} KiB)" in run(shop, "6.1.9").stdout


def test_no_kernel_is_not_an_error(shop: Shop) -> None:
    result = run(shop, "--vmm", "qemu")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "no kernel" in result.stderr


def test_a_damaged_image_has_no_size(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    base = shop.put("7.2")["flintlock-kernel"]
    path = shop.layout.blobs.path(base.digest)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    (row,) = json.loads(run(shop, "--built", "--json").stdout)["kernels"]
    assert row["size"] is None
    assert "default ✓ minimal" in run(shop, "7.2").stdout


def test_the_newest_series_is_first_and_support_that_is_over_is_marked(shop: Shop) -> None:
    rows = run(shop, "--arch", "x86_64").stdout.splitlines()[1:]
    versions = [row.split()[0] for row in rows if row[0] != " "]
    assert versions == ["7.2", "6.1.10", "6.1.9"]
    kernel = next(one for one in catalog.load(shop.root / "kernels").kernels if one.support_ends)
    over = datetime.date(2020, 9, 3)
    assert _vmm(kernel, "firecracker", over) == "firecracker ≥ 1.9.0 (support ended 2020-09-02)"
    last = datetime.date(2020, 9, 2)
    assert _vmm(kernel, "firecracker", last) == "firecracker ≥ 1.9.0 (until 2020-09-02)"
    row = json.loads(run(shop, "6.1.9-minimal", "--json").stdout)["kernels"][0]
    assert row["supported_until"] == {"firecracker": "2020-09-02"}
