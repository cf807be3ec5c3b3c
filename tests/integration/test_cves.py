"""`ingot cves` on a kernel of a store: numbers, table, documents, exit codes and errors."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from ingot.compiled_artifact import write_compiled_files
from ingot.images import BASE, tags_for
from ingot.oci import read_image
from tests.support.cve_records import compiled_files, mainline, record, write_records
from tests.support.documents import document_mistakes
from tests.support.git_repositories import Repository
from tests.support.houses import House
from tests.support.kernel_images import make_kernel

COMPILED, UNCOMPILED, MISSING = (f"CVE-2025-000{n}" for n in range(1, 4))


def put(house: House, name: str, *, with_files: bool = True) -> None:
    """Put a kernel into the house's store, tagged `6.1.176-<name>`."""
    kernel = dataclasses.replace(make_kernel(house.root, name), layout=house.layout)
    images = kernel.write()
    house.layout.tag(tags_for(images, kernel.facts, f"6.1.176-{name}"))
    if with_files:
        compiled = compiled_files(not_compiled=["drivers/net/tun.c"])
        base = read_image(house.layout, images[BASE])
        house.layout.tag(write_compiled_files(house.layout, compiled, base))


@pytest.fixture
def house_with_kernels(house: House) -> House:
    put(house, "new")
    put(house, "old", with_files=False)
    return house


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_records(
        tmp_path / "vulns",
        record(COMPILED, ["net/core/dev.c"], mainline("5.4", "6.12", "6.1.180"), title="net: dev"),
        record(UNCOMPILED, ["drivers/net/tun.c"], title="tun: x"),
        record(MISSING, ["drivers/net/gone.c"], title="gone: y"),
    )


def cves(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    return house.ingot("cves", *words)


def test_the_numbers_come_first_then_the_cves_that_matter(
    house_with_kernels: House, data: Path
) -> None:
    done = cves(house_with_kernels, "kernel-bin:6.1.176-new", "--data", str(data))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "kernel-bin:6.1.176-new: 3 CVEs open in 6.1.176 -> 1 in compiled files -> 1 undecided"
    )
    assert any(COMPILED in line and "6.1.180" in line and "vmlinux" in line for line in lines)
    assert MISSING in done.stdout and UNCOMPILED not in done.stdout
    assert "programFiles" in lines[-1]
    more = cves(house_with_kernels, "kernel-bin:6.1.176-new", "--data", str(data), "--all")
    assert UNCOMPILED in more.stdout


def test_the_exit_code_is_for_ci(house_with_kernels: House, data: Path) -> None:
    words = ("6.1.176-new", "--data", str(data))
    assert cves(house_with_kernels, *words).returncode == 0
    assert cves(house_with_kernels, *words, "--fail-on", "affected").returncode == 1
    write_records(data, record(COMPILED, ["drivers/net/tun.c"]))
    assert cves(house_with_kernels, *words, "--fail-on", "affected").returncode == 0
    undecided = cves(house_with_kernels, *words, "--fail-on", "undecided")
    assert undecided.returncode == 1
    assert "error: --fail-on undecided: 1 CVEs are undecided" in undecided.stderr
    both = cves(house_with_kernels, *words, "--format", "openvex", "--json")
    assert both.returncode == 2
    assert "--json cannot be used with --format openvex" in both.stderr


def test_a_kernel_without_a_list_of_its_files_is_never_all_clear(
    house_with_kernels: House, data: Path
) -> None:
    words = ("kernel-bin:6.1.176-old", "--data", str(data), "--fail-on", "affected")
    done = cves(house_with_kernels, *words)
    assert done.returncode == 1
    assert "3 undecided" in done.stdout
    assert "every CVE is undecided, since the image has no list of compiled files" in done.stderr
    assert "ingot rm 6.1.176-old, ingot prune, ingot build 6.1.176-old" in done.stderr


def test_the_documents(house_with_kernels: House, data: Path) -> None:
    words = ("kernel-bin:6.1.176-new", "--data", str(data))
    document = json.loads(cves(house_with_kernels, *words, "--json").stdout)
    assert document["image"] == "kernel-bin:6.1.176-new"
    assert document["cve_counts"] == {
        "open": 3,
        "affected": 1,
        "not_affected": 1,
        "undecided": 1,
    }
    assert document_mistakes(["cves", "--json"], json.dumps(document)) == []
    assert document["cves"][0]["fixed_in"] == "6.1.180"
    assert [each["fix_in_catalog"] for each in document["cves"]] == [True, False, False]
    vex = json.loads(cves(house_with_kernels, *words, "--format", "openvex").stdout)
    assert len(vex["statements"]) == 3
    bom = json.loads(cves(house_with_kernels, *words, "--format", "cyclonedx").stdout)
    assert bom["bomFormat"] == "CycloneDX"


def test_decisions_of_the_catalog_count(house_with_kernels: House, data: Path) -> None:
    path = house_with_kernels.kernels / "cves.toml"
    path.write_text(f'[[decisions]]\ncve = "{COMPILED}"\nstatus = "fixed"\nreason = "a patch"\n')
    words = ("kernel-bin:6.1.176-new", "--data", str(data))
    done = cves(house_with_kernels, *words, "--fail-on", "affected")
    assert done.returncode == 0, done.stderr
    assert "0 in compiled files" in done.stdout
    path.write_text(f'[[decisions]]\ncve = "{COMPILED}"\nstatus = "fine"\nreason = "a patch"\n')
    done = cves(house_with_kernels, *words)
    assert done.returncode == 2
    assert "cves.toml:3: decisions.0.status" in done.stderr


def test_a_record_that_cannot_be_read_is_one_line(house_with_kernels: House, data: Path) -> None:
    (data / "CVE-2025-0009.json").write_text("{")
    done = cves(house_with_kernels, "6.1.176-new", "--data", str(data))
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1
    assert "CVE-2025-0009.json: it is not valid JSON" in warnings[0]


def test_records_are_fetched_and_the_commit_is_in_the_answer(
    house_with_kernels: House, data: Path
) -> None:
    repository = Repository(data)
    repository.git("init", "-q")
    commit = repository.commit()
    words = ("--update", "--repository", f"file://{data}")
    done = cves(house_with_kernels, *words)
    assert done.returncode == 0, done.stderr
    done = cves(house_with_kernels, "kernel-bin:6.1.176-new")
    assert done.returncode == 0, done.stderr
    assert f"commit {commit}" in done.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("6.1.176-new",), "ingot cves --update"),
        ((), "name one, such as: ingot cves 6.1"),
        (("6.1.176-new", "--data", "gone"), "gone does not exist"),
        (("./gone",), "./gone is not a file"),
        (("kernel-bin:6.1.176-other", "--data", "."), "has no image 'kernel-bin:6.1.176-other'"),
    ],
)
def test_errors_say_what_to_do(
    house_with_kernels: House, words: tuple[str, ...], text: str
) -> None:
    done = cves(house_with_kernels, *words)
    assert done.returncode == 2
    assert text in done.stderr
