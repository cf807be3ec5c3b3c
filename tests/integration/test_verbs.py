"""The verbs beside `build`, on a fake kernel: what they print, for people and for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.main

from ingot.cli.main import app
from ingot.cli.shared.verb_group import VerbGroup
from ingot.images import read_config, read_packages, read_size_map
from ingot.kconfig import Config
from tests.support.houses import House

ROOT = Path(__file__).parent.parent.parent


def test_list_says_what_is_in_the_store(house: House) -> None:
    (before,) = json.loads(house.ingot("list", "--json").stdout)["kernels"]
    assert before["version"] == "6.1.999"
    assert before["digest"] is None
    built = house.build()
    (after,) = json.loads(house.ingot("list", "--json").stdout)["kernels"]
    assert after["digest"] in {str(image.digest) for image in built.images}
    assert "6.1.999" in house.ingot("list").stdout


def test_inspect_shows_labels_layers_and_files(house: House) -> None:
    built = house.build()
    document = json.loads(house.ingot("inspect", "kernel-bin:6.1", "--files", "--json").stdout)
    assert document["image"] == "kernel-bin:6.1.999"
    assert document["labels"]["dev.ingot.recipe-key"] == str(built.recipe_key)
    assert [layer["name"] for layer in document["layers"]] == ["kernel"]
    config = document["annotations"].pop("dev.ingot.config")
    size_map = read_size_map({"dev.ingot.makeup": document["annotations"].pop("dev.ingot.makeup")})
    assert size_map is not None
    assert size_map.modules == {"drivers/net/dummy.ko": 6, "drivers/net/needed.ko": 7}
    assert read_config({"dev.ingot.config": config}) == Config(
        "CONFIG_CHILD=m\nCONFIG_MODULES=y\nCONFIG_PARENT=y\n"
    )
    packages = document["annotations"].pop("dev.ingot.builder-packages")
    assert read_packages({"dev.ingot.builder-packages": packages}) == ("make:amd64=1.0-1",)
    assert document["labels"] == document["annotations"]
    assert [file["name"] for file in document["files"] if file["kind"] == "file"] == [
        "boot/vmlinux"
    ]
    text = house.ingot("inspect", "6.1", "--files").stdout
    assert "flintlock-kernel:6.1.999" in text
    assert "lib/modules/6.1.999/modules.dep" in text


def test_inspect_of_an_unknown_image_lists_what_is_there(house: House) -> None:
    empty = house.ingot("inspect", "kernel-bin:6.1")
    assert empty.returncode == 2
    assert "no images yet" in empty.stderr
    house.build()
    result = house.ingot("inspect", "kernel-bin:9.9")
    assert result.returncode == 2
    assert "kernel-bin:6.1.999" in result.stderr


def test_export_writes_plain_files_and_refuses_to_overwrite(house: House, tmp_path: Path) -> None:
    house.build()
    target = tmp_path / "plain"
    result = house.ingot("export", "6.1", "--to", str(target))
    assert result.returncode == 0, result.stderr
    assert (target / "boot/vmlinux").read_text().startswith("fake kernel 6.1.999")
    assert (target / "lib/modules/6.1.999/kernel/drivers/net/dummy.ko").is_file()
    assert str(target / "boot/vmlinux") in result.stdout
    assert house.ingot("export", "6.1", "--to", str(target)).returncode == 2


def test_a_damaged_layer_is_not_exported(house: House, tmp_path: Path) -> None:
    house.build()
    document = json.loads(house.ingot("inspect", "kernel-bin:6.1", "--json").stdout)
    digest = document["layers"][0]["digest"].removeprefix("sha256:")
    blob = house.layout.root / "blobs" / "sha256" / digest
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(bytes(data))
    result = house.ingot("export", "6.1", "--to", str(tmp_path / "plain"))
    assert result.returncode == 4, result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "plain").exists()


def test_a_damaged_layer_is_reported_by_inspect(house: House) -> None:
    house.build()
    sound = json.loads(house.ingot("inspect", "kernel-bin:6.1", "--json").stdout)
    assert sound["problems"] == []
    digest = sound["layers"][0]["digest"].removeprefix("sha256:")
    blob = house.layout.root / "blobs" / "sha256" / digest
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(bytes(data))
    result = house.ingot("inspect", "kernel-bin:6.1", "--files")
    assert result.returncode == 4, result.stderr
    assert "kernel-bin:6.1.999 is damaged" in result.stderr
    assert f"layer {digest[:12]}" in result.stderr
    assert "manifest" in result.stdout
    damaged = house.ingot("inspect", "kernel-bin:6.1", "--json")
    assert json.loads(damaged.stdout)["problems"]


def test_boot_prints_each_check(house: House) -> None:
    house.build()
    result = house.ingot("boot", "6.1", "--json")
    document = json.loads(result.stdout)
    assert document["verdict"] == "passed"
    assert [check["name"] for check in document["checks"]] == [
        "release",
        "module dummy.ko",
        "shutdown",
    ]
    wrong = house.ingot("boot", "kernel-modules:6.1")
    assert wrong.returncode == 2
    assert "flintlock-kernel:6.1.999" in wrong.stderr


def test_a_guest_that_hangs_is_stopped(house: House) -> None:
    house.fragment("vmm/firecracker", 'CONFIG_FAIL_BOOT="hang"')
    result = house.ingot("build", "6.1", "--boot-timeout", "2")
    assert result.returncode == 6
    assert "hang" in result.stderr


def test_prune_removes_only_what_no_version_stands_for(house: House) -> None:
    first = house.build()
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    second = house.build()
    dry = json.loads(house.ingot("prune", "--dry-run", "--json").stdout)
    assert f"image kernel-bin:6.1.999-{first.recipe_key.short}" in {
        item["text"] for item in dry["removed"]
    }
    assert f"kernel-bin:6.1.999-{first.recipe_key.short}" in house.layout.tags()

    assert house.ingot("prune").returncode == 0
    tags = house.layout.tags()
    assert f"kernel-bin:6.1.999-{first.recipe_key.short}" not in tags
    assert tags["kernel-bin:6.1.999"].digest in {image.digest for image in second.images}
    assert house.build().found

    assert house.ingot("prune", "--all").returncode == 0
    assert not [path for path in (house.cache / "builders").iterdir() if path.is_dir()]
    assert house.ingot("inspect", "6.1").returncode == 0, "images were pruned"


def test_no_catalog_is_a_clear_error(house: House, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ingot", "list"],
        cwd=tmp_path.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "no catalog" in result.stderr
    assert "--catalog" in result.stderr


def test_the_shell_completes_kernels(house: House) -> None:
    words = {
        "COMP_WORDS": "ingot build 6.1.",
        "COMP_CWORD": "2",
        "_INGOT_COMPLETE": "complete_bash",
    }
    result = subprocess.run(
        house.command(),
        env={**house.environment(), **words},
        cwd=house.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.split() == ["6.1.999"]


def verbs_of(group: VerbGroup, *words: str) -> Iterator[list[str]]:
    """Every verb of a group and of the groups in it, as it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, VerbGroup):
            yield from verbs_of(command, *words, name)
        else:
            yield [*words, name]


def test_every_verb_has_help() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, VerbGroup)
    verbs = list(verbs_of(group))
    assert ["build"] in verbs
    assert ["config", "check"] in verbs
    for verb in verbs:
        words = [sys.executable, "-m", "ingot", *verb, "--help"]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert len(result.stdout.splitlines()) > 5


def test_the_reference_of_commands_is_current(tmp_path: Path) -> None:
    words = ["-m", "typer", "ingot.cli.main", "utils", "docs", "--name", "ingot"]
    written = tmp_path / "cli.md"
    subprocess.run(
        [sys.executable, *words, "--title", "The commands", "--output", str(written)],
        check=True,
        capture_output=True,
    )
    assert written.read_text() == (ROOT / "docs" / "cli.md").read_text(), (
        "run scripts/update-cli-docs"
    )
