"""CPU time of commands that have next to nothing to do: what a person waits for every time.

    python bench/startup.py [--runs N] [--kernels N]

Measures whole processes (user and system time, with their children), the least of N runs, with
Python's bytecode at hand as in an installation. The build is of the tests' fake kernels, all of
which are in the store. The house wants 0.15 s for `--version` and 0.5 s for a build of ten.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.houses import House, make_house


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU time of starting ingot")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--kernels", type=int, default=10, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        house = make_house(Path(directory), patch)
        add_flavors(house, options.kernels)
        environment = {**house.environment(), "PYTHONPYCACHEPREFIX": f"{directory}/bytecode"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        build = ["build", "--flavor", "all"]
        subprocess.run(house.command(*build), env=environment, check=True, capture_output=True)
        for words in (["--version"], ["--help"], build):
            seconds = least_cpu(house.command(*words), environment, options.runs)
            print(f"{seconds:6.3f} s  ingot {' '.join(words)}")


def add_flavors(house: House, count: int) -> None:
    """Give the catalog of a house as many kernels, each with a config of its own."""
    tables = []
    for number in range(1, count):
        house.fragment(f"feature/f{number}", f'CONFIG_FAIL_BOOT="no{number}"')
        tables.append(
            f'[features.f{number}]\n[flavors.k{number}]\nvmms = ["firecracker"]\n'
            f'features = ["f{number}"]\n'
        )
    path = house.kernels / "kernels.toml"
    text = path.read_text().replace("[defaults]\n", '[defaults]\nflavors = ["default", KEYS]\n')
    keys = ", ".join(f'"k{number}"' for number in range(1, count))
    path.write_text(text.replace("KEYS", keys) + "\n".join(tables))


def least_cpu(command: Sequence[str], environment: Mapping[str, str], runs: int) -> float:
    """Seconds of CPU that a command takes, with its children; the first run fills the cache."""
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return min(cpu(command, environment) for _ in range(runs))


def cpu(command: Sequence[str], environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
