"""Kernels compiled in an image, by buildah: equal to those of a root of the same packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import pipeline
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import load
from ingot.oci import Layout, extract, read_image
from ingot.process import run
from ingot.progress import Silent
from ingot.setting import Project, Setting
from ingot.workspace import Workspace
from tests.support.labs import VERSION, Lab

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is not installed"),
]
_TABLE = """
[builders.image]
kind = "container"
engine = "buildah"
image = "oci:{store}:kernel-builder:bookworm"
"""


@pytest.fixture(scope="module")
def boxed(
    lab: Lab, built: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """A lab whose builder is an image, made of the one that the rootfs builder put into the store.

    Images and containers are kept in a directory of its own.
    """
    root = tmp_path_factory.mktemp("boxed")
    boxed = lab.variant(root / "lab")
    catalog = boxed.kernels / "kernels.toml"
    catalog.write_text(catalog.read_text() + _TABLE.format(store=lab.store))
    storage = root / "storage.conf"
    places = f'graphroot = "{root}/images"\nrunroot = "{root}/run"'
    # one overlay does not go on another, as in a container; vfs copies instead
    nested = "overlay" in run(["stat", "--file-system", "--format", "%T", str(root)]).output
    driver = "vfs" if nested else "overlay"
    storage.write_text(f'[storage]\ndriver = "{driver}"\n{places}\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
        yield boxed
        run(["buildah", "rm", "--all"])


@pytest.fixture(scope="module")
def builder(boxed: Lab) -> Builder:
    setting = _setting(boxed)
    return pipeline.ensure_builder(setting, setting.project.catalog.builders["image"], Silent())


def _setting(lab: Lab) -> Setting:
    workspace = Workspace(lab.root / "cache")
    return Setting(Project(load(lab.kernels), Layout(lab.store), workspace, os.uname().machine))


def _digests(built: dict[str, object]) -> dict[str, str]:
    images = built["images"]
    assert isinstance(images, list)
    return {image["image"]: image["digest"] for image in images}


def test_what_is_compiled_sees_nothing_of_the_machine(builder: Builder, tmp_path: Path) -> None:
    for name in ("source", "build"):
        (tmp_path / name).mkdir()
    sandbox = Sandbox(builder, tmp_path / "source", tmp_path / "build")
    bystander = subprocess.Popen(["sleep", "600"])
    script = (
        "touch /src/x /build/y /usr/bin/gcc-of-mine; mount -t tmpfs none /mnt;"
        f" ls {tmp_path} && echo seen; cat /proc/net/route | wc -l; kill -9 {bystander.pid};"
        " grep CapEff /proc/self/status; env"
    )
    told = run(sandbox.command(["sh", "-c", script])).output.splitlines()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    assert not list((tmp_path / "source").iterdir())
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["y"]
    assert "seen" not in told
    assert {"0", "1"} & set(told)  # no route, at most a heading
    assert "CapEff:\t0000000000000000" in told
    assert {line.partition("=")[0] for line in told if "=" in line} <= {
        *("PATH", "HOME", "LC_ALL", "TZ", "CCACHE_DISABLE", "PWD"),
    }
    again = run(sandbox.command(["ls", "/usr/bin/gcc-of-mine"]), check=False)
    assert again.returncode != 0
    assert not run(["buildah", "containers", "--quiet"]).output


def test_the_kernel_equals_that_of_the_rootfs_builder(
    boxed: Lab, built: dict[str, object], builder: Builder
) -> None:
    done = boxed.ingot("build", VERSION, "--builder", "container", "--json")
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["built"]
    assert one["found_in_store"] is False
    assert one["recipe_key"] == built["recipe_key"]
    assert _digests(one) == _digests(built)


def test_a_plain_container_build_gives_the_same_kernel(
    boxed: Lab, lab: Lab, built: dict[str, object], builder: Builder, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    words = ("containerfile", VERSION, "--builder", "image", "--output", str(context))
    done = boxed.ingot(*words)
    assert done.returncode == 0, done.stderr
    # the compile cache that the kernel's own build has filled; what it gives is what gcc gives
    sandbox = Sandbox(builder, tmp_path, tmp_path, _compile_cache())
    cache = [word for word in sandbox.command(["true"])[-1].split() if word.startswith("CCACHE_")]
    file = context / "Containerfile"
    assert "CCACHE_DISABLE=1" in file.read_text()
    file.write_text(file.read_text().replace("CCACHE_DISABLE=1", " ".join(cache)))
    volume = ("--volume", f"{_compile_cache()}:/ccache")
    made = ("--isolation", "chroot", "--target", "bin", "--tag", f"oci:{tmp_path}/made:bin")
    sys.stderr.write(run(["buildah", "bud", *volume, *made, str(context)]).output)
    files = []
    for place, layout, tag in (
        ("made", Layout(tmp_path / "made"), "bin"),
        ("built", Layout(lab.store), f"kernel-bin:{VERSION}"),
    ):
        with Silent().step(place) as step:
            image = read_image(layout, layout.tags()[tag])
            extract(layout, image, tmp_path / place / "root", step)
        files.append((tmp_path / place / "root/boot/vmlinux").read_bytes())
    assert files[0] == files[1]


def _compile_cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    caches = Workspace(Path(os.environ.get("INGOT_CACHE") or base / "ingot")).ccache.iterdir()
    return max(
        (path for path in caches if len(path.name) == 64), key=lambda path: path.stat().st_mtime
    )
