"""The guest that a command line asks for: memory, processors; and the list of checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingot.boot.vmm import cloud_hypervisor, firecracker
from ingot.boot.vmm.machines import MEMORY_MIB, QEMU_MACHINES, REAL_MACHINES, Guest
from ingot.boot.vmm.qemu import base_command
from ingot.cli.boot.boot_options import parse_memory
from ingot.cli.main import app
from ingot.errors import UserError
from ingot.lab import BootRequest
from tests.support.shops import Shop, open_shop

CHECKS = """
[[checks]]
name = "disk"
about = "a disk is found"
run = "clock"
options = ["VIRTIO_BLK"]

[[checks]]
name = "new"
about = "something new"
run = "clock"
options = ["NEW"]
since = "7.0"
"""


@pytest.mark.parametrize(
    ("text", "size"), [(None, 0), ("512", 512), ("512M", 512), ("96MiB", 96), ("2G", 2048)]
)
def test_memory_is_in_mib_or_has_a_unit(text: str | None, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "0", "16", "31M", "-1", "1.5G", "512K", "lots", "1e3"])
def test_what_is_not_a_size_of_a_guest_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a size for a guest") as caught:
        parse_memory(text)
    assert "512M" in caught.value.hint


def test_a_request_changes_memory_and_processors_only_if_it_names_them() -> None:
    guest = Guest(Path("vmlinux"), None, None, memory=700)
    assert BootRequest().sized(guest) == guest
    sized = BootRequest(memory=1024, cpus=4).sized(guest)
    assert (sized.memory, sized.cpus) == (1024, 4)
    assert MEMORY_MIB < 700


def test_every_vmm_gets_memory_and_processors(tmp_path: Path) -> None:
    guest = Guest(tmp_path / "vmlinux", None, None, memory=1024, cpus=4)
    command = base_command(QEMU_MACHINES[0], guest.kernel, tmp_path, "", guest.memory, guest.cpus)
    assert "-m 1024 -smp 4" in " ".join(command)
    machines = {machine.vmm: machine for machine in REAL_MACHINES}
    first = firecracker.requests(guest, machines["firecracker"], tmp_path)[0]
    assert first.body == {"vcpu_count": 4, "mem_size_mib": 1024}
    created = cloud_hypervisor.requests(guest, machines["cloud-hypervisor"], tmp_path)[1]
    assert created.body
    assert created.body["cpus"] == {"boot_vcpus": 4, "max_vcpus": 4}
    assert created.body["memory"] == {"size": 1 << 30}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = open_shop(tmp_path)
    (shop.root / "kernels/fragments/vmm/firecracker.toml").write_text(CHECKS)
    fuse = CHECKS.replace("disk", "fuse").replace('"new"', '"fuse-new"')
    (shop.root / "kernels/fragments/feature/fuse.toml").write_text(fuse)
    return shop


def boot(shop: Shop, *words: str) -> Result:
    return CliRunner().invoke(app, ["--catalog", str(shop.root / "kernels"), "boot", *words])


def test_the_checks_of_the_catalog_are_listed_without_a_store(shop: Shop) -> None:
    result = boot(shop, "--list-checks", "--json")
    checks = {row["name"]: row for row in json.loads(result.stdout)["checks"]}
    assert set(checks) == {"disk", "new", "fuse", "fuse-new"}
    assert checks["fuse"]["fragment"] == "feature/fuse"
    assert checks["new"]["unfit"] is None  # the newest series can run it
    assert {row["by_default"] for row in checks.values()} == {None}
    shown = boot(shop, "--list-checks").stdout
    for name in (*checks, "none", "root-on-disk", "modules-volume"):
        assert f"\n{name} " in shown


def test_the_checks_of_a_kernel_show_which_run_by_default(shop: Shop) -> None:
    result = boot(shop, "6.1-minimal", "--list-checks", "--json")
    checks = {row["name"]: row for row in json.loads(result.stdout)["checks"]}
    assert {name for name, row in checks.items() if row["by_default"]} == {"disk", "new"}
    assert checks["new"]["unfit"] == "new in 7.0"
    assert isinstance(boot(shop, "9.9", "--list-checks").exception, UserError)
