"""Whole verbs on kernel trees that leave traps; the sandbox is a fake one that hides nothing.

What such a tree can leave in its build directory is in tests/unit/test_hostile_tree.py; here a few
of these are gone through by a build, by the verbs of configs, and with a patch.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from tests.support.houses import House
from tests.support.places import FAKE_TREE

SECRET = "what only the owner of this machine may read"

# what a Makefile does after the honest part: in this build directory, to these files outside
TRAPS = {
    "vmlinux": "ln -sf $(OUTSIDE)/secret $(O)/vmlinux",
    "System.map": "ln -sf $(OUTSIDE)/secret $(O)/System.map",
    "install": "rm -rf $(O)/install; ln -s $(OUTSIDE) $(O)/install",
    "config": "ln -sf $(OUTSIDE)/secret $(O)/.config",
    "release": "echo ../.. > $(O)/include/config/kernel.release",
    "pipe": "rm -f $(O)/System.map; mkfifo $(O)/System.map",
    "zero": "ln -sf /dev/zero $(O)/System.map",
    "devel": "ln -sfn $(OUTSIDE) $(O)/include/generated",
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_text(SECRET)
    (directory / "secret.h").write_text(SECRET)
    return directory


def hostile(tmp_path: Path, target: str, trap: str, outside: Path) -> Path:
    """The fake tree whose make target ends with the trap."""
    tree = tmp_path / "hostile"
    shutil.copytree(FAKE_TREE, tree)
    makefile = tree / "Makefile"
    text = makefile.read_text()
    end = f"\n.PHONY: trap\ntrap:\n\t@{trap.replace('$(OUTSIDE)', str(outside))}\n"
    assert f"\n{target}:" in text
    # the target as it was is made first, under another name
    makefile.write_text(
        text.replace(f"\n{target}:", f"\nhonest-{target}:")
        + f"\n{target}: honest-{target}\n\t@$(MAKE) -s O=$(O) trap\n"
        + end
    )
    return tree


def stored(house: House) -> bytes:
    """All that the image store holds, layers unpacked."""
    data = b""
    for path in (house.root / "images").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            data += gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    return data


def untouched(outside: Path) -> bool:
    return {path.name: path.read_text() for path in outside.iterdir()} == {
        "secret": SECRET,
        "secret.h": SECRET,
    }


@pytest.mark.parametrize("name", TRAPS)
def test_a_build_of_it(house: House, tmp_path: Path, outside: Path, name: str) -> None:
    target = "modules_install" if name == "install" else "vmlinux"
    tree = hostile(tmp_path, target, TRAPS[name], outside)
    done = house.ingot("build", "6.1", "--source", str(tree))
    assert "Traceback" not in done.stderr
    assert untouched(outside)
    assert SECRET.encode() not in stored(house)
    if name == "devel":  # which a kernel may have links in: they are left out
        assert done.returncode == 0
    else:
        assert done.returncode in (4, 5), done.stderr
        assert not any("6.1.999" in tag for tag in house.layout.tags())
    assert not list((house.root / "build").glob("build-*"))


@pytest.mark.parametrize(
    "trap",
    [
        "ln -sf $(OUTSIDE)/secret $(O)/.config",
        "ln -sf $(OUTSIDE)/secret $(O)/fragments.config",
        "ln -sf $(OUTSIDE)/secret $(O)/ingot-options.json",
        "rm -f $(O)/.config; mkfifo $(O)/.config",
        "rm -f $(O)/.config; truncate -s 1T $(O)/.config",
    ],
)
@pytest.mark.parametrize(
    "words", [("check", "6.1"), ("show", "6.1"), ("explain", "6.1", "CHILD"), ("resolve", "6.1")]
)
def test_a_config_of_it(
    house: House, tmp_path: Path, outside: Path, words: tuple[str, ...], trap: str
) -> None:
    tree = hostile(tmp_path, "allnoconfig", trap, outside)
    done = house.ingot("config", *words, "--source", str(tree))
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert untouched(outside)


def test_a_patch_that_makes_it_so(house: House, tmp_path: Path, outside: Path) -> None:
    """What is patched is the catalog's own source; the trap is in the patch."""
    patch = tmp_path / "trap.patch"
    line = f"\t@ln -sf {outside}/secret $(O)/System.map"
    patch.write_text(
        "--- a/Makefile\n+++ b/Makefile\n"
        "@@ -40,3 +40,4 @@\n"
        " \t@echo map > $(O)/System.map\n"
        f"+{line}\n"
        " \n # The same where kernels are called so: arm64.\n"
    )
    done = house.ingot("build", "6.1", "--patch", str(patch))
    assert "Traceback" not in done.stderr
    assert done.returncode in (4, 5), done.stderr
    assert untouched(outside)
    assert SECRET.encode() not in stored(house)
