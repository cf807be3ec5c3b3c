"""The shell's completion: which names it offers, from which catalog, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot.cli.main import app
from ingot.digest import Digest
from tests.support.shops import Shop, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = open_shop(tmp_path_factory.mktemp("shop"))
    shop.put("6.1.9")
    shop.put_modules("6.1.9")
    return shop


def offered(shop: Shop | None, *words: str) -> set[str]:
    """What bash would offer for the last word; the catalog is in the environment, if any."""
    environment = {
        "_INGOT_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("ingot", *words)),
        "COMP_CWORD": str(len(words)),
        **({"INGOT_CATALOG": str(shop.root / "kernels")} if shop else {}),
    }
    result = CliRunner().invoke(app, [], env=environment, prog_name="ingot")
    return set(result.stdout.split())


KEY = Digest.of(b"recipe of 6.1.9").short


HVC = ("microvm-hvc", "virt-hvc", "virt-pci-hvc")
"""The machines without a serial console."""


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("build", "6.1.9"), {"6.1.9", "6.1.9-minimal", "6.1.9-arm64", "6.1.9-minimal-arm64"}),
        (("build", "--flavor", ""), {"default", "minimal", "all"}),
        (("build", "--with", ""), {"fuse"}),
        (("build", "--without", "f"), {"fuse"}),
        (("build", "--builder", "t"), {"test"}),
        (("build", "--arch", ""), {"x86_64", "arm64", "all"}),
        (("boot", "--machine", ""), {"microvm", "q35", "virt", "virt-pci", *HVC}),
        (("boot", "--vmm", ""), {"qemu", "firecracker", "cloud-hypervisor"}),
        (("boot", "--checks", "no"), {"none"}),
        (("boot", "--checks", "fuse,fire"), {"fuse,firecracker"}),
        (("shell", "--arch", ""), {"x86_64", "arm64"}),
        (("require", "--vmm", ""), {"firecracker"}),
        (("require", "--feature", ""), {"fuse"}),
        (("inspect", "kernel-module-"), {"kernel-module-hello:6.1.9"}),
        (("images", "kernel-debug:6.1.9"), {"kernel-debug:6.1.9", f"kernel-debug:6.1.9-{KEY}"}),
        (("rm", "6.1.9-p"), {"6.1.9-plus-hello"}),
        (("boot", "6.1.9-p"), {"6.1.9-plus-hello"}),
        (("config", "show", "7"), {"7.2", "7.2-minimal", "7.2-arm64", "7.2-minimal-arm64"}),
        (("builder", "show", ""), {"test"}),
        (("module", "build", "x", "--kernel", "7.2-m"), {"7.2-minimal", "7.2-minimal-arm64"}),
    ],
)
def test_names_are_offered(shop: Shop, words: tuple[str, ...], names: set[str]) -> None:
    assert offered(shop, *words) == names


def test_the_catalog_that_was_typed_is_used(shop: Shop, tmp_path: Path) -> None:
    kernels = str(shop.root / "kernels")
    assert offered(None, "--catalog", kernels, "build", "--with", "f") == {"fuse"}
    assert offered(None, "build", "--catalog", kernels, "--with", "f") == {"fuse"}
    wrong = str(tmp_path / "nothing")
    assert offered(shop, "build", "--catalog", wrong, "--with", "f") == set()


@pytest.mark.parametrize("verb", ["build", "images", "rm", "boot"])
def test_without_a_catalog_nothing_is_offered(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INGOT_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert offered(None, verb, "6") == set()
