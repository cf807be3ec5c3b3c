"""Which patches of a catalog a kernel gets, in which order, and what is wrong with a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.catalog import Catalog
from tests.support.catalogs import SMALL, load, mistakes, write

FILES = ("6.1/0002-own.patch", "6.1/0009-own.patch", "5.10/0001-old.patch", "all/0005-fix.patch")


def table(*lines: str) -> str:
    return "\n".join(["", "[[patches]]", 'file = "all/0005-fix.patch"', *lines, ""])


def with_patches(root: Path, text: str, files: tuple[str, ...] = FILES) -> Catalog:
    for file in files:
        path = root / "patches" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{file}\n")
    return load(root, f"{SMALL}{text}")


def names(found: Catalog, kernel: str) -> list[str]:
    (one,) = found.select([kernel])
    directory = found.root / "patches"
    return [path.relative_to(directory).as_posix() for path in found.patches(one)]


def test_a_file_that_no_table_names_is_for_its_series(tmp_path: Path) -> None:
    found = with_patches(tmp_path, "", FILES[:3])
    assert names(found, "6.1") == ["6.1/0002-own.patch", "6.1/0009-own.patch"]
    assert names(found, "6.1-minimal-arm64") == names(found, "6.1")
    assert names(found, "5.10") == ["5.10/0001-old.patch"]
    assert names(found, "4.19") == []


def test_file_names_decide_the_order_whatever_the_directories(tmp_path: Path) -> None:
    found = with_patches(tmp_path, table())
    order = ["6.1/0002-own.patch", "all/0005-fix.patch", "6.1/0009-own.patch"]
    assert names(found, "6.1") == order
    assert names(found, "5.10") == ["5.10/0001-old.patch", "all/0005-fix.patch"]


@pytest.mark.parametrize(
    ("lines", "applied"),
    [
        ([], {"4.19", "5.10.9", "5.10", "6.1", "6.1-minimal", "6.1-arm64", "6.1-with-bpf"}),
        (['since = "5.10.10"'], {"5.10", "6.1", "6.1-minimal", "6.1-arm64", "6.1-with-bpf"}),
        (['since = "5.10.9"', 'until = "5.10.262"'], {"5.10.9", "5.10"}),
        (['until = "5.10.261"'], {"4.19", "5.10.9"}),
        (['until = "6.1.175"', 'series = ["6.1"]'], set()),
        (['series = ["5.10", "4.19"]'], {"4.19", "5.10.9", "5.10"}),
        (['arches = ["arm64"]'], {"6.1-arm64"}),
        (['flavors = ["minimal"]'], {"6.1-minimal"}),
        (['flavors = ["default"]', 'series = ["6.1"]'], {"6.1", "6.1-arm64", "6.1-with-bpf"}),
    ],
)
def test_bounds(tmp_path: Path, lines: list[str], applied: set[str]) -> None:
    found = with_patches(tmp_path, table(*lines))
    kernels = ("4.19", "5.10.9", "5.10", "6.1", "6.1-minimal", "6.1-arm64", "6.1-with-bpf")
    assert {k for k in kernels if "all/0005-fix.patch" in names(found, k)} == applied


def test_a_variant_of_a_flavor_has_the_flavors_patches(tmp_path: Path) -> None:
    found = with_patches(tmp_path, table('flavors = ["minimal"]'))
    assert "all/0005-fix.patch" in names(found, "6.1-minimal-with-bpf")
    assert "all/0005-fix.patch" in names(found, "6.1-minimal-patched")


def test_a_fix_that_came_to_two_series_has_two_tables(tmp_path: Path) -> None:
    text = table('series = ["5.10"]', 'until = "5.10.9"') + table('series = ["6.1"]')
    found = with_patches(tmp_path, text)
    assert "all/0005-fix.patch" in names(found, "5.10.9")
    assert "all/0005-fix.patch" not in names(found, "5.10.262")
    assert names(found, "6.1").count("all/0005-fix.patch") == 1


def test_a_candidate_is_before_its_release(tmp_path: Path) -> None:
    more = '\n[series."6.19".versions."6.19-rc2"]\n[series."6.19".versions."6.19-rc4"]\n'
    found = with_patches(tmp_path, table('since = "6.18"', 'until = "6.19-rc3"') + more)
    assert names(found, "6.19-rc2") == ["all/0005-fix.patch"]
    assert names(found, "6.19-rc4") == []


def test_a_table_takes_a_file_out_of_its_directories_rule(tmp_path: Path) -> None:
    text = '\n[[patches]]\nfile = "6.1/0002-own.patch"\nuntil = "6.1.100"\n'
    found = with_patches(tmp_path, text, FILES[:3])
    assert names(found, "6.1") == ["6.1/0009-own.patch"]
    assert names(found, "5.10") == ["5.10/0001-old.patch", "6.1/0002-own.patch"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['since = "6.1.x"'], "patches.0.since: '6.1.x' is not a version such as 6.1.176"),
        (['series = ["6.1.2"]'], "patches.0.series.0: '6.1.2' is not a series"),
        (
            ['since = "6.1.9"', 'until = "6.1.8"'],
            "patches.0.until: 'until' is before 'since' (6.1.9)",
        ),
        (
            ['since = "6.1"', 'until = "6.1-rc1"'],
            "patches.0.until: 'until' is before 'since' (6.1)",
        ),
        (['flavors = ["tiny"]'], "patches.0.flavors.0: there is no flavor 'tiny'"),
        (['arches = ["m68k"]'], "patches.0.arches.0: 'm68k' is not an arch"),
        (['flavor = "minimal"'], "patches.0.flavor: there is no such key (did you mean 'flavors'"),
    ],
)
def test_mistakes_in_a_table(tmp_path: Path, lines: list[str], says: str) -> None:
    with_patches(tmp_path, table())
    text = f"{SMALL}{table(*lines)}"
    found = [line for line in mistakes(tmp_path, text) if says in line]
    assert found
    number = next(n for n, line in enumerate(text.splitlines(), 1) if line == lines[-1])
    assert found[0].startswith(f"kernels.toml:{number}: ")


@pytest.mark.parametrize(
    "file", ["../x.patch", "/etc/passwd", "6.1/../../x", "a b.patch", ".x.patch", "6.1//x", ""]
)
def test_a_file_must_be_below_the_directory(tmp_path: Path, file: str) -> None:
    text = f'{SMALL}\n[[patches]]\nfile = "{file}"\n'
    (line,) = mistakes(tmp_path, text)
    assert "is not the path of a patch file below patches/" in line


def test_a_file_that_is_not_there_and_one_that_nothing_applies(tmp_path: Path) -> None:
    for name in ("common/a.patch", "b.patch", "6.1/deeper/c.patch", "6.1/d.patch"):
        path = tmp_path / "patches" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    text = f'{SMALL}\n[[patches]]\nfile = "6.1/none.patch"\n'
    found = mistakes(tmp_path, text)
    assert any("there is no file patches/6.1/none.patch" in line for line in found)
    lost = [
        line.split("patches/")[1].split(" ")[0]
        for line in found
        if "neither in the directory of a series" in line
    ]
    assert lost == ["6.1/deeper/c.patch", "b.patch", "common/a.patch"]


def with_quilt(root: Path, series: str, text: str = "") -> Catalog:
    files = ("6.1/b.patch", "6.1/a.diff", "6.1/deeper/c", *(["all/0005-fix.patch"] if text else []))
    (root / "patches" / "6.1").mkdir(parents=True)
    (root / "patches" / "6.1" / "series").write_text(series)
    return with_patches(root, text, files)


QUILT = "# ours\n\nb.patch -p1  # first\ndeeper/c\na.diff\n"


def test_a_diff_is_applied_like_a_patch(tmp_path: Path) -> None:
    found = with_patches(tmp_path, "", ("6.1/0002-b.patch", "6.1/0001-a.diff"))
    assert names(found, "6.1") == ["6.1/0001-a.diff", "6.1/0002-b.patch"]


def test_a_series_file_of_quilt_decides_the_order(tmp_path: Path) -> None:
    found = with_quilt(tmp_path, QUILT)
    assert names(found, "6.1") == ["6.1/b.patch", "6.1/deeper/c", "6.1/a.diff"]
    assert names(found, "5.10") == []


def test_tables_select_among_the_patches_of_quilt_and_add_others_after_them(tmp_path: Path) -> None:
    text = table() + '\n[[patches]]\nfile = "6.1/deeper/c"\narches = ["arm64"]\n'
    found = with_quilt(tmp_path, QUILT, text)
    assert names(found, "6.1") == ["6.1/b.patch", "6.1/a.diff", "all/0005-fix.patch"]
    assert names(found, "6.1-arm64")[1] == "6.1/deeper/c"
    assert names(found, "5.10") == ["all/0005-fix.patch"]


@pytest.mark.parametrize(
    ("series", "says"),
    [
        ("b.patch\na.diff\n", "patches/6.1/deeper/c is not applied"),
        ("b.patch\ndeeper/c\n", "a.diff is not applied: 6.1/series lists the patches"),
        (f"{QUILT}d.patch\n", "patches/6.1/series: line 6: there is no file d.patch"),
        (f"{QUILT}b.patch\n", "line 6: b.patch is listed twice"),
        (QUILT.replace("-p1", "-p0"), "line 3: b.patch has the option -p0, and only -p1"),
        (QUILT.replace("-p1", "-R"), "line 3: b.patch has the option -R, which is not supported"),
        (f"{QUILT}../5.10/x.patch\n", "line 6: ../5.10/x.patch is not in this directory"),
    ],
)
def test_mistakes_in_a_series_file(tmp_path: Path, series: str, says: str) -> None:
    with_quilt(tmp_path, QUILT)
    (tmp_path / "patches" / "6.1" / "series").write_text(series)
    assert any(says in line for line in mistakes(tmp_path, SMALL))


def test_a_catalog_without_patches(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    found = load(tmp_path)
    assert all(found.patches(kernel) == () for kernel in found.kernels)
