"""Configs of a real kernel: all that the catalog offers is sound, and what is broken is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.labs import VERSION, Lab
from tests.support.places import REPOSITORY

pytestmark = pytest.mark.e2e

LEAST = "CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_NETDEVICES=y\nCONFIG_MODULES=y\n"


@pytest.fixture(scope="module")
def ours(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The catalog of the repository, with a store that has its builder."""
    assert lab.ingot("builder", VERSION).returncode == 0
    root = tmp_path_factory.mktemp("ours")
    copy = lab.variant(root)
    shutil.rmtree(copy.kernels)
    shutil.copytree(REPOSITORY / "kernels", copy.kernels)
    return copy


@pytest.fixture
def mine(ours: Lab, tmp_path: Path) -> Lab:
    """The same with a feature of one's own, whose fragment is still empty."""
    copy = ours.variant(tmp_path)
    catalog = copy.kernels / "kernels.toml"
    table = '[features.mine]\nabout = "what a test asks for"\n\n[flavors.default]'
    catalog.write_text(catalog.read_text().replace("[flavors.default]", table))
    (copy.kernels / "fragments/feature/mine.config").write_text("# nothing yet\n")
    return copy


def test_every_flavor_comes_out_as_asked_on_every_arch(ours: Lab) -> None:
    done = ours.ingot("config", "check", VERSION, "--json")
    checked = json.loads(done.stdout)["kernels"]
    assert done.returncode == 0, [one["findings"] for one in checked]
    assert {(one["arch"], one["flavor"]) for one in checked} == {
        (arch, flavor)
        for arch in ("x86_64", "arm64")
        for flavor in ("default", "minimal", "monolithic", "desktop")
    }


def test_all_features_go_together(mine: Lab) -> None:
    names = sorted(path.stem for path in (mine.kernels / "fragments/feature").glob("*.config"))
    catalog = mine.kernels / "kernels.toml"
    text = catalog.read_text()
    assert "features = []" in text
    catalog.write_text(text.replace("features = []", f"features = {json.dumps(names)}"))
    done = mine.ingot("config", "check", VERSION, "--flavor", "minimal")
    assert done.returncode == 0, done.stdout


UNREADABLE = ("CONFIG_NET_CORE=n", "CONFIG_VETH=m  # since 6.x", "CONFIG_VETH = m")
"""Lines that are a mistake by themselves, or contradict another line; others are findings."""


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("CONFIG_MITIGATION_RETPOLINE=y", "did you mean RETPOLINE?"),
        ("CONFIG_BPF_LSM=m", "it is a bool, never a module"),
        ("CONFIG_ARM64_SVE=y", "only arm64 has it"),
        ("CONFIG_CRC16=n", "EXT4_FS selects it (base/linux.config:"),
        ("CONFIG_PREEMPT=y", "its choice allows one member, and base/linux.config:"),
        ("CONFIG_LOG_BUF_SHIFT=99", "its range is 12 to 25"),
        ("CONFIG_NFT_NAT=y", "CONFIG_NF_CONNTRACK=y and CONFIG_NF_TABLES=y together would do it"),
        ("CONFIG_RUST=y", "the builder's toolchain fails the test"),
        ("CONFIG_USB_STORAGE=m", "CONFIG_SCSI=m, CONFIG_USB_SUPPORT=y and CONFIG_USB=m together"),
        ("CONFIG_NET_CORE=n", "base/linux.config:"),
        ("CONFIG_VETH=m  # since 6.x", "does not limit the option"),
        ("CONFIG_VETH = m", "is not a Kconfig assignment"),
        ('CONFIG_UEVENT_HELPER_PATH="/sbin/hotplug"', "UEVENT_HELPER"),
    ],
)
def test_a_broken_fragment_is_told_what_would_do(mine: Lab, lines: str, told: str) -> None:
    (mine.kernels / "fragments/feature/mine.config").write_text(f"{lines}\n")
    done = mine.ingot(
        *("config", "check", VERSION, "--arch", "x86_64", "--flavor", "default", "--with", "mine")
    )
    assert done.returncode == (2 if lines in UNREADABLE else 1)
    output = " ".join((done.stdout + done.stderr).split())
    assert "feature/mine.config:1" in output
    assert told in output


def test_a_lonely_veth_is_told_of_net_core(ours: Lab, tmp_path: Path) -> None:
    lab = ours.variant(tmp_path)
    fragments = lab.kernels / "fragments"
    for path in fragments.rglob("*.config"):
        path.write_text("# nothing\n")
    (fragments / "base/linux.config").write_text(LEAST)
    (fragments / "feature/fuse.config").write_text("CONFIG_VETH=m\n")
    (lab.kernels / "rules.toml").write_text("")
    done = lab.ingot("build", f"{VERSION}-minimal-with-fuse")
    assert done.returncode == 1
    assert "feature/fuse.config:1: CONFIG_VETH wanted m, got n" in done.stderr
    assert "needs NET_CORE, which is n: nothing requests it" in done.stderr
    assert "CONFIG_NET_CORE=y would do it" in done.stderr
    assert "compile" not in done.stderr


def test_a_rule_names_the_vmm_that_would_not_boot(mine: Lab) -> None:
    path = mine.kernels / "fragments/vmm/cloud-hypervisor.config"
    path.write_text("")
    for name in ("qemu", "firecracker"):
        other = mine.kernels / f"fragments/vmm/{name}.config"
        other.write_text(other.read_text().replace("CONFIG_PVH=y", "CONFIG_PVH=n"))
    done = mine.ingot("config", "check", VERSION, "--arch", "x86_64", "--flavor", "minimal")
    assert done.returncode == 1
    assert "pvh-entry" in done.stdout


def test_a_full_config_by_hand_is_used_as_it_is_and_checked(mine: Lab) -> None:
    words = ("config", "show", f"{VERSION}-minimal")
    full = mine.ingot(*words).stdout
    path = mine.kernels / "configs" / f"linux-x86_64-{VERSION}-minimal.config"
    path.parent.mkdir(exist_ok=True)
    path.write_text(full.replace("CONFIG_NR_CPUS=64", "CONFIG_NR_CPUS=8"))
    assert "CONFIG_NR_CPUS=8\n" in mine.ingot(*words).stdout
    path.write_text(full.replace("CONFIG_NET_CORE=y", "# CONFIG_NET_CORE is not set"))
    check = ("config", "check", f"{VERSION}-minimal", "--arch", "x86_64")
    warned = mine.ingot(*check)
    assert warned.returncode == 0
    assert f"linux-x86_64-{VERSION}-minimal.config:" in warned.stdout
    assert mine.ingot(*check, "--strict").returncode == 1
    assert mine.ingot("config", "resolve", f"{VERSION}-minimal").returncode == 2  # it is not ours


def test_a_resolved_config_is_a_lock_file(mine: Lab) -> None:
    name = f"{VERSION}-minimal"
    assert mine.ingot("config", "resolve", name).returncode == 0
    assert mine.ingot("config", "check", name, "--arch", "x86_64").returncode == 0
    mine.add_to_fragment("base/linux", "CONFIG_NET_NS=y", "CONFIG_NAMESPACES=y")
    stale = mine.ingot("config", "check", name, "--arch", "x86_64")
    assert stale.returncode == 2
    assert "ingot config resolve" in stale.stdout + stale.stderr
