"""`ingot bisect` on fake kernels, which are as large as their configs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.houses import House

TITLE = "# Linux/x86 6.1.999 Kernel Configuration\n"


def config(directory: Path, name: str, *options: str, title: str = TITLE) -> str:
    path = directory / name
    path.write_text(title + "".join(f"CONFIG_{option}\n" for option in options))
    return str(path)


def test_the_option_that_makes_the_kernel_larger_is_found(house: House, tmp_path: Path) -> None:
    first = config(tmp_path, "first.config", "MODULES=y")
    second = config(
        tmp_path, "second.config", "MODULES=y", "OTHER=y", "PARENT=y", 'FAIL_BOOT="not_at_all"'
    )
    result = house.ingot("bisect", first, second, "--by", "size", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert [each["option"] for each in found["options"]] == ["FAIL_BOOT"]
    assert found["compared"] == 3
    assert found["final"]
    assert found["cost"]["kernel_size"] == len('CONFIG_FAIL_BOOT="not_at_all"\n')
    assert found["b"]["kernel_size"] - found["a"]["kernel_size"] > found["cost"]["kernel_size"]
    assert "kernel 2: the second config" in result.stderr


def test_a_person_reads_what_was_found(house: House, tmp_path: Path) -> None:
    first = config(tmp_path, "first.config", "MODULES=y")
    second = config(tmp_path, "second.config", "MODULES=y", "OTHER=y")
    result = house.ingot("bisect", first, second, "--by", "size")
    assert result.returncode == 0, result.stderr
    assert (
        "1 options differ, and 2 kernels were compiled. The costliest option is:" in result.stdout
    )
    assert "CONFIG_OTHER: y instead of n" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_kernel_of_the_catalog_is_compared_with_a_config(house: House, tmp_path: Path) -> None:
    second = config(
        tmp_path, "second.config", "MODULES=y", "PARENT=y", "CHILD=m", "OTHER=y", 'FAIL_BOOT="no"'
    )
    first = config(tmp_path, "first.config", "MODULES=y", "PARENT=y", "CHILD=m")
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    result = house.ingot("bisect", first, "6.1", "--by", "size", "--json")
    assert result.returncode == 0, result.stderr
    assert [each["option"] for each in json.loads(result.stdout)["options"]] == ["OTHER"]
    cheaper = house.ingot("bisect", second, "6.1", "--by", "size")
    assert cheaper.returncode == 2
    assert "name the cheaper one first" in cheaper.stderr


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (("first.config", "first.config"), (), "both configs are the same"),
        (("first.config", "old.config"), (), "not for the same series and arch"),
        (
            ("bare.config", "bare.config"),
            (),
            "the series and the arch of both configs are not known",
        ),
        (("first.config", "nothing"), (), "is not a file, an image or a kernel"),
        (("first.config", "second.config"), ("--by", "beauty"), "instructions, memory, size"),
        (("first.config", "second.config"), (), "does not cost more instructions than the first"),
        (("first.config", "broken.config"), (), "did not compile"),
    ],
)
def test_what_cannot_be_bisected_is_told(
    house: House,
    tmp_path: Path,
    names: tuple[str, str],
    options: tuple[str, ...],
    says: str,
) -> None:
    config(tmp_path, "first.config", "MODULES=y")
    config(tmp_path, "second.config", "MODULES=y", "OTHER=y")
    config(tmp_path, "broken.config", "MODULES=y", "FAIL_COMPILE=y")
    config(tmp_path, "old.config", "MODULES=y", title=TITLE.replace("6.1.999", "5.10.1"))
    config(tmp_path, "bare.config", "MODULES=y", title="")
    paths = [str(tmp_path / name) if name.endswith("config") else name for name in names]
    result = house.ingot("bisect", *paths, *options)
    assert result.returncode in (2, 5), result.stdout
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
