"""`ingot require` on a fake kernel: what it reads, what it answers, and its exit code."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.support.houses import House

TITLE = "# Linux/x86 6.1.5 Kernel Configuration"


@pytest.fixture
def featured(house: House) -> House:
    """A house whose catalog has a feature, and one that came with 6.6."""
    path = house.kernels / "kernels.toml"
    path.write_text(path.read_text() + '\n[features.more]\n\n[features.late]\nsince = "6.6"\n')
    house.fragment("feature/more", "CONFIG_OTHER=y", "CONFIG_CHILD=m", 'CONFIG_NAME="[x]"')
    house.fragment("feature/late", "CONFIG_LATE=y")
    return house


def config(directory: Path, *lines: str) -> str:
    path = directory / "some.config"
    path.write_text("\n".join([TITLE, *lines, ""]))
    return str(path)


def test_every_image_of_a_build_tells_its_config(house: House) -> None:
    house.build()
    for name in ("6.1", "kernel-bin:6.1"):
        done = house.ingot("require", name, "--vmm", "firecracker", "--option", "CHILD=m")
        assert done.returncode == 0, done.stderr
    assert "kernel-bin:6.1.999 has 1 of 1 required options" in done.stdout
    for name in ("kernel-modules:6.1.999", "kernel-debug:6.1", "kernel-devel:6.1"):
        done = house.ingot("require", name, "--option", "CHILD=m")
        assert done.returncode == 2
        assert " has no kernel" in done.stderr
        assert "next: name kernel-bin:6.1.999 or flintlock-kernel:6.1.999" in done.stderr


def test_a_vmm_needs_what_is_to_be_on_and_nothing_else(house: House, tmp_path: Path) -> None:
    house.fragment("vmm/firecracker", "CONFIG_VT=y", "CONFIG_VT_CONSOLE=n", "CONFIG_UARTS=1")
    file = config(tmp_path, "CONFIG_VT=y", "CONFIG_VT_CONSOLE=y", "CONFIG_UARTS=4")
    done = house.ingot("require", file, "--vmm", "firecracker")
    assert done.returncode == 0, done.stdout
    assert "has 1 of 1 required options" in done.stdout


def test_an_option_that_may_be_misspelt_has_a_suggestion(house: House, tmp_path: Path) -> None:
    file = config(tmp_path, "CONFIG_FUSE_FS=m")
    done = house.ingot("require", file, "--option", "FUSE_F", "--option", "FUSE_FS=y")
    assert "CONFIG_FUSE_F must be m or y, is n (--option): did you mean FUSE_FS?" in done.stdout
    assert done.stdout.count("did you mean") == 1


def test_a_feature_asks_for_what_its_fragment_does(featured: House, tmp_path: Path) -> None:
    file = config(tmp_path, "CONFIG_CHILD=y", "CONFIG_OTHER=m")
    done = featured.ingot("require", file, "--feature", "more", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert (document["ok"], document["asked"]) == (False, 3)
    assert document["unmet"] == [
        {
            "required_by": "more",
            "option": "NAME",
            "wanted": '"[x]"',
            "value": "n",
            "place": "feature/more.config:3",
        },
        {
            "required_by": "more",
            "option": "OTHER",
            "wanted": "y",
            "value": "m",
            "place": "feature/more.config:1",
        },
    ]
    text = featured.ingot("require", file, "--feature", "more").stdout
    assert 'CONFIG_NAME must be "[x]", is n (more, feature/more.config:3)' in text


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("CHILD", 0),
        ("CHILD=m", 0),
        ("CHILD=y", 1),
        ("CONFIG_CHILD", 0),
        ("config_child", 0),
        ("child=m", 0),
        ("PARENT", 0),
        ("PARENT=m", 0),
        ("PARENT=n", 1),
        ("NOT_THERE=n", 0),
        ("NOT_THERE", 1),
        ('NAME="a b"', 0),
        ("NAME=a b", 1),
        ("", 2),
        ("=y", 2),
        ("CHILD=", 2),
        ("A B", 2),
    ],
)
def test_options_are_asked_for_by_name_and_value(
    house: House, tmp_path: Path, option: str, code: int
) -> None:
    file = config(tmp_path, "CONFIG_CHILD=m", "CONFIG_PARENT=y", 'CONFIG_NAME="a b"')
    done = house.ingot("require", file, "--option", option)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--vmm, --feature or --option"),
        (["--vmm", "firecraker"], "did you mean firecracker?"),
        (["--feature", "nothing"], "it has more, late"),
        (["--feature", "late"], "late is not available in series 6.1"),
        (["--option", "A", "--arch", "sparc"], "it builds for x86_64, arm64"),
    ],
)
def test_what_cannot_be_asked_is_told(
    featured: House, tmp_path: Path, words: list[str], told: str
) -> None:
    done = featured.ingot("require", config(tmp_path, "CONFIG_A=y"), *words)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    "title", ["# Linux/s390 6.1.5 Kernel Configuration", TITLE.replace("6.1.5", "6.12345.5"), "#"]
)
def test_a_config_of_an_unknown_kernel_serves_for_options_only(
    featured: House, tmp_path: Path, title: str
) -> None:
    file = tmp_path / "some.config"
    file.write_text(f"{title}\nCONFIG_A=y\n")
    assert featured.ingot("require", str(file), "--option", "A=y").returncode == 0
    done = featured.ingot("require", str(file), "--feature", "more")
    assert done.returncode == 2
    assert "are not known" in done.stderr


def test_a_config_may_be_packed_or_within_a_kernel(featured: House, tmp_path: Path) -> None:
    text = f"{TITLE}\r\nCONFIG_OTHER=y\r\n"
    packed = tmp_path / "config.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert featured.ingot("require", str(packed), "--option", "OTHER=y").returncode == 0
    kernel = tmp_path / "vmlinuz"
    within = b"IKCFG_ST" + gzip.compress(text.encode()) + b"IKCFG_ED"
    kernel.write_bytes(b"\x00" * 100 + gzip.compress(b"\x7fELF" + within))
    assert featured.ingot("require", str(kernel), "--option", "OTHER=y").returncode == 0


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "has no kernel config"),
        (b"\x00\xff\xfe", "has no kernel config"),
        (b"text\n", "has no kernel config"),
        (b"\x1f\x8b\x08 is not gzip", "cannot be decompressed"),
    ],
)
def test_a_file_without_a_config_does_not_answer(
    house: House, tmp_path: Path, data: bytes, error: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    done = house.ingot("require", str(file), "--option", "A")
    assert done.returncode == 2
    assert error in done.stderr


@pytest.mark.parametrize(
    ("image", "code", "told"),
    [
        ("/nowhere", 2, "it does not exist"),
        ("./nowhere", 2, "it does not exist"),
        (".", 2, "it is a directory"),
        ("kernel-bin:9.9", 2, "has no image 'kernel-bin:9.9'"),
        ("Upper/case", 2, "is not a valid name of an image"),
        ("localhost:1/kernel-bin:6.1", 3, "connection refused"),
    ],
)
def test_an_image_that_is_not_there_is_no_answer(
    house: House, image: str, code: int, told: str
) -> None:
    done = house.ingot("require", image, "--option", "A")
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
