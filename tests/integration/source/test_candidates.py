"""A release candidate from signed tags: found, added to the catalog, built, named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ingot.images import KERNEL_IMAGES
from tests.support.git_repositories import Repository, make_repository
from tests.support.houses import House
from tests.support.places import FAKE_TREE
from tests.support.signers import Keys


def signed_candidate(path: Path, keys: Keys) -> Repository:
    """The fake tree as 6.2-rc3, tagged by a developer."""
    repository = make_repository(path)
    shutil.copytree(FAKE_TREE, path, dirs_exist_ok=True)
    makefile = path / "Makefile"
    text = makefile.read_text().replace("PATCHLEVEL = 1", "PATCHLEVEL = 2")
    text = text.replace("SUBLEVEL = 999", "SUBLEVEL = 0")
    makefile.write_text(text.replace("EXTRAVERSION =\n", "EXTRAVERSION = -rc3\n"))
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "6.2-rc3")
    repository.sign("v6.2-rc3", keys.good)
    return repository


def test_a_candidate_is_added_and_built_from_its_signed_tag(
    house: House, keys: Keys, tmp_path: Path
) -> None:
    repository = signed_candidate(tmp_path / "linux", keys)
    shutil.copy(keys.good.keyring, house.kernels / "keys.gpg")
    path = house.kernels / "kernels.toml"
    origins = 'order = ["kernel.org", "git"]\nkernel_org_mirror = "http://127.0.0.1:9"\n'
    git = f'git = {{ repository = "file://{repository.path}", keyring = "keys.gpg" }}\n'
    text = path.read_text().replace('order = ["debian"]\n', origins + git)
    path.write_text(text.replace("debian = ", '"kernel.org" = '))

    added = house.ingot("add", "6.2-rc3", "--json")
    assert added.returncode == 0, added.stderr
    told = json.loads(added.stdout)
    assert (told["version"], told["source"]["origin"]) == ("6.2-rc3", "git")
    assert keys.good.fingerprint in told["source"]["evidence"]
    assert "there is no tarball of linux 6.2-rc3" in added.stderr
    pin = told["source"]["digest"].removeprefix("sha256:")
    block = f'[series."6.2".versions."6.2-rc3".sha256]\ngit = "{pin}"\n'
    assert block in path.read_text()

    built = house.ingot("build", "6.2", "--json", "--offline")
    assert built.returncode == 0, built.stderr
    (one,) = json.loads(built.stdout)["built"]
    assert one["version"] == "6.2-rc3"
    assert {image["image"] for image in one["images"]} == {
        f"{name}:6.2-rc3" for name in KERNEL_IMAGES
    }
    shown = house.ingot("inspect", "6.2-rc3", "--json")
    assert "6.2.0-rc3" in shown.stdout
    assert house.ingot("build", "6.2-rc3-minimal").returncode == 2
