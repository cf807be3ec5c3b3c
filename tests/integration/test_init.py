"""The guest's init itself, compiled here and run as the first process of namespaces of its own.

It needs a C compiler with a static libc, and unprivileged namespaces; where one is missing, only
the guests of the end-to-end tests show this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ingot.boot.boot_report import Check, Heard, Outcome, console_lines, hear
from ingot.boot.cost.instruction_count import _KEY_PLACE
from ingot.boot.seal import seal

BOOT = Path(__file__).parents[2] / "src/ingot/boot"
ATTACK = Path(__file__).parent / "attack/attack.c"
FLAGS = ("-Os", "-s", "-Wall", "-Wextra", "-Werror")
NAMESPACES = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount")
KEY = bytes.fromhex("9f3ad07be1c2586415f0a7493d8ec6b2")
MARKER = b"what is surely there"


def compile_c(to: Path, *words: str | Path) -> Path:
    """A program of these sources; the test is skipped where no compiler makes one."""
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no C compiler")
    done = subprocess.run(
        [compiler, *FLAGS, "-o", str(to), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return to


@pytest.fixture(scope="module")
def init(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Init, with what a hostile program would try as its checks."""
    works = subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False)
    if works.returncode != 0:
        pytest.skip("this user can make no namespaces")
    sources = [path for path in sorted((BOOT / "init").glob("*.c")) if path.name != "calls.c"]
    made = tmp_path_factory.mktemp("init") / "init"
    return compile_c(made, "-static", f"-I{BOOT / 'init'}", *sources, ATTACK)


def boot(init: Path, root: Path, *plan: str, key: bytes | None = KEY) -> tuple[Heard, str]:
    """Run init on a root with this plan and key; what it reported, and all that was printed."""
    (root / "ingot").mkdir(parents=True)
    shutil.copy(init, root / "init")
    (root / "ingot/plan").write_text("".join(f"{line}\n" for line in (*plan, "reboot")))
    if key is not None:
        (root / "ingot/key").write_bytes(key)
    result = subprocess.run(
        [*NAMESPACES, "chroot", str(root), "/init"], capture_output=True, check=False, timeout=60
    )
    output = result.stdout.decode(errors="replace")
    return hear(console_lines(output), KEY), output


def test_init_reports_with_tags_and_removes_its_key(init: Path, tmp_path: Path) -> None:
    heard, output = boot(
        init, tmp_path / "root", "key /ingot/key", "check c 5 - clock", "module no.ko"
    )
    assert {"release", "c", "module no.ko", "end"} == set(heard.checks)
    assert heard.checks["module no.ko"].detail == "No such file or directory"
    assert heard.checks["release"] == Check("release", Outcome.PASSED, os.uname().release)
    assert heard.checks["c"].ok
    assert heard.others == ()
    assert not (tmp_path / "root/ingot/key").exists()
    assert KEY.hex() not in output


def test_the_key_on_a_disk_is_overwritten(init: Path, tmp_path: Path) -> None:
    """A disk cannot be made here; a file that cannot be unlinked is as good."""
    disk = tmp_path / "disk"
    disk.write_bytes(KEY + bytes(4080))
    (tmp_path / "root/ingot").mkdir(parents=True)
    os.link(disk, tmp_path / "root/ingot/disk")
    shutil.copy(init, tmp_path / "root/init")
    (tmp_path / "root/ingot/plan").write_text("key /ingot/disk\nreboot\n")
    subprocess.run(
        [*NAMESPACES, "chroot", str(tmp_path / "root"), "/init"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert disk.read_bytes() == bytes(4096)


def test_nothing_that_init_starts_gets_its_key(init: Path, tmp_path: Path) -> None:
    inverted = bytes(byte ^ 0xFF for byte in KEY).hex()
    marker = bytes(byte ^ 0xFF for byte in MARKER).hex()
    heard, _ = boot(
        init,
        tmp_path / "root",
        "key /ingot/key",
        "check before 5 - clock",  # whose tag is made before
        f"check look 20 - look {inverted}",
        f"check control 20 - look {marker}",
        "check trace 5 - trace",
    )
    assert heard.checks["trace"] == Check("trace", Outcome.PASSED, "no way")
    assert heard.checks["look"].ok
    assert int(heard.checks["look"].detail.split()[0]) > 100_000
    assert heard.checks["control"].detail == "found"  # it does find what is there


def test_what_a_program_prints_passes_nothing_and_spoils_nothing(
    init: Path, tmp_path: Path
) -> None:
    heard, output = boot(
        init,
        tmp_path / "root",
        "key /ingot/key",
        "check forge 5 - forge",
        "check linger 5 - linger",
        "check clock 5 - clock",
        "check veth 5 - file /nowhere",
        "check slow 1 - look " + "00" * 64,
    )
    assert output.count('"veth","outcome":"passed"') >= 2
    assert not heard.checks["veth"].ok
    assert heard.forged >= 2
    assert {"forge", "linger", "clock", "veth", "slow", "end"} <= set(heard.checks)
    assert heard.checks["forge"] == Check("forge", Outcome.PASSED, "printed")


@pytest.mark.parametrize(
    ("first", "key"),
    [
        ("key /ingot/key", None),
        ("key /ingot/key", b"short"),
        ("key", KEY),
        ("check c 5 - clock", KEY),
        ("key /", KEY),
    ],
)
def test_without_its_key_nothing_that_init_says_is_believed(
    init: Path, tmp_path: Path, first: str, key: bytes | None
) -> None:
    heard, output = boot(init, tmp_path / "root", first, "check c 5 - clock", key=key)
    assert heard.checks == {}
    assert heard.forged
    assert '"check":"key","outcome":"failed"' in output


def test_a_line_of_the_plan_that_init_cannot_take_is_a_failure(init: Path, tmp_path: Path) -> None:
    for number, line in enumerate(
        (
            "check",
            "check c 5 -",
            "check c 5 - clock " + "word " * 60,
            "check c 5 - clock " + "w" * 9000,
            "key /ingot/key",
            "nothing",
        )
    ):
        heard, _ = boot(init, tmp_path / str(number), "key /ingot/key", line)
        assert not heard.checks["plan"].ok
        assert "c" not in heard.checks


def test_both_sides_make_the_same_tags(tmp_path: Path) -> None:
    source = tmp_path / "tags.c"
    source.write_text(
        """
        #include <stdio.h>
        #include "seal.h"
        int main(void)
        {
            static struct sealer sealer;
            char text[256], tag[TAG_BYTES + 1] = { 0 };

            for (int at = 0; at < KEY_BYTES; at++)
                sealer.key[at] = (unsigned char)at;
            for (int at = 0; at < 256; at++)
                text[at] = (char)(at & 0x7f);
            for (unsigned long length = 0; length <= 256; length++) {
                seal(&sealer, text, length, tag);
                puts(tag);
            }
            return 0;
        }
        """
    )
    program = compile_c(tmp_path / "tags", f"-I{BOOT / 'init'}", source)
    told = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    text = "".join(chr(at & 0x7F) for at in range(256))
    assert told == [seal(bytes(range(16)), text[:length]) for length in range(257)]


def test_the_init_that_counts_has_one_place_for_its_key(tmp_path: Path) -> None:
    words = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")
    made = compile_c(tmp_path / "measure", *words, BOOT / "measure.c")
    assert made.read_bytes().count(_KEY_PLACE) == 1
