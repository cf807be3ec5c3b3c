"""`ingot build --on slurm`: a matrix of kernels on two nodes, one of which is killed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fakes
from tests.support.houses import House
from tests.support.registries import Served, serve
from tests.support.slurm import SlurmCluster, slurm_cluster

FLAVORS = ("default", "a", "b")
SETTINGS = """
[job]
cpus = 1
memory = "1GiB"
minutes = 10
[slurm]
setup = "{setup}"
directory = "{directory}"
poll_seconds = 1
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    with slurm_cluster(tmp_path / "slurm", cpus=1) as cluster:
        monkeypatch.setenv("SLURM_CONF", str(cluster.configuration))
        yield cluster


@pytest.fixture
def house(house: House, cluster: SlurmCluster) -> House:
    """A house with three flavors, whose jobs have a cache for each node."""
    path = house.kernels / "kernels.toml"
    text = path.read_text().replace("[defaults]\n", f"[defaults]\nflavors = {list(FLAVORS)}\n")
    for name in FLAVORS[1:]:
        house.fragment(f"feature/{name}", f'CONFIG_FAIL_BOOT="no {name}"')
        text += f'\n[features.{name}]\n[flavors.{name}]\nvmms = ["firecracker"]\n'
        text += f'features = ["{name}"]\n'
    path.write_text(text)
    setup = house.root / "setup.sh"
    setup.write_text(f'export INGOT_CACHE={house.root}/nodes/"$SLURMD_NODENAME"\n')
    settings = SETTINGS.format(setup=setup, directory=house.root / "jobs")
    (house.kernels / "fleet.toml").write_text(settings)
    for name in cluster.names:
        sources = house.root / "nodes" / name / "sources"
        shutil.copytree(house.cache / "sources", sources, symlinks=True)
        shutil.copy(house.cache / "CACHEDIR.TAG", sources.parent)
    return house


def built(output: str) -> dict[str, tuple[str, object]]:
    """The recipe key and the images of each kernel."""
    document = json.loads(output)
    return {one["flavor"]: (one["recipe_key"], one["images"]) for one in document["built"]}


def test_a_matrix_is_built_although_a_node_is_lost(
    house: House, cluster: SlurmCluster, served: Served, tmp_path: Path
) -> None:
    fakes.tell(GATE=str(tmp_path / "gate"))
    words = ["build", "--flavor", "all", "--on", "slurm", "--registry", f"{served.address}/k"]
    client = subprocess.Popen(
        house.command(*words, "--json"),
        env=house.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        cluster.wait_for(lambda: house.compiles() == 2 or client.poll() is not None, "compiles")
        assert client.poll() is None, client.communicate()
        cluster.kill_node("a")
        cluster.declare_down("a")
        (tmp_path / "gate").touch()
        output, errors = client.communicate(timeout=60)
    finally:
        client.kill()
        client.wait()
    assert client.returncode == 0, errors
    assert house.compiles() == len(FLAVORS) + 1, "only the kernel of the lost node again"
    alone = house.ingot("build", "--flavor", "all", "--json")
    assert alone.returncode == 0, alone.stderr
    assert built(output) == built(alone.stdout)
    assert not cluster.job_processes()
