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

from ingot.boot.boot_report import CheckResult, ConsoleReports, Outcome, console_lines, read_reports
from ingot.boot.cost.instruction_count import _KEY_PLACE
from ingot.boot.seal import seal
from ingot.catalog import guest_verbs
from ingot.catalog.verb_usage import Slot

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
    return compile_init(tmp_path_factory, "calls.c", ATTACK)


@pytest.fixture(scope="module")
def real_init(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Init with its own checks, all of them."""
    return compile_init(tmp_path_factory)


def compile_init(
    tmp_path_factory: pytest.TempPathFactory, without: str = "", *others: Path
) -> Path:
    works = subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False)
    if works.returncode != 0:
        pytest.skip("this user can make no namespaces")
    sources = [path for path in sorted((BOOT / "init").glob("*.c")) if path.name != without]
    made = tmp_path_factory.mktemp("init") / "init"
    return compile_c(made, "-static", f"-I{BOOT / 'init'}", *sources, *others)


def boot(init: Path, root: Path, *plan: str, key: bytes | None = KEY) -> tuple[ConsoleReports, str]:
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
    return read_reports(console_lines(output), KEY), output


def test_init_reports_with_tags_and_removes_its_key(init: Path, tmp_path: Path) -> None:
    reports, output = boot(
        init, tmp_path / "root", "key /ingot/key", "check c 5 - clock", "module no.ko"
    )
    assert {"release", "c", "module no.ko", "end"} == set(reports.checks)
    assert reports.checks["module no.ko"].detail == "No such file or directory"
    assert reports.checks["release"] == CheckResult("release", Outcome.PASSED, os.uname().release)
    assert reports.checks["c"].ok
    assert reports.others == ()
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
    reports, _ = boot(
        init,
        tmp_path / "root",
        "key /ingot/key",
        "check before 5 - clock",  # whose tag is made before
        f"check look 20 - look {inverted}",
        f"check control 20 - look {marker}",
        "check trace 5 - trace",
    )
    assert reports.checks["trace"] == CheckResult("trace", Outcome.PASSED, "no way")
    assert reports.checks["look"].ok
    assert int(reports.checks["look"].detail.split()[0]) > 100_000
    assert reports.checks["control"].detail == "found"  # it does find what is there


def test_what_a_program_prints_passes_nothing_and_spoils_nothing(
    init: Path, tmp_path: Path
) -> None:
    reports, output = boot(
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
    assert not reports.checks["veth"].ok
    assert reports.forged >= 2
    assert {"forge", "linger", "clock", "veth", "slow", "end"} <= set(reports.checks)
    assert reports.checks["forge"] == CheckResult("forge", Outcome.PASSED, "printed")


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
    reports, output = boot(init, tmp_path / "root", first, "check c 5 - clock", key=key)
    assert reports.checks == {}
    assert reports.forged
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
        reports, _ = boot(init, tmp_path / str(number), "key /ingot/key", line)
        assert not reports.checks["plan"].ok
        assert "c" not in reports.checks


SAMPLES = {"TYPE": "tmpfs", "PATH": "/ingot/plan", "HEX": "00", "MEBIBYTES": "8"}
"""Words for places in which anything can be; elsewhere it is `1`."""


def sample(slot: Slot) -> str:
    return slot.words[0] if slot.words else SAMPLES.get(slot.name.rpartition("_")[2], "1")


def checks_of(
    init: Path, root: Path, lines: list[str], seconds: int = 20
) -> dict[str, CheckResult]:
    """What comes of checks that run the words of each line, for so long at most."""
    plan = [f"check c{at} {seconds} - {line}".rstrip() for at, line in enumerate(lines)]
    reports, _ = boot(init, root, "key /ingot/key", *plan)
    return {line: reports.checks[f"c{at}"] for at, line in enumerate(lines)}


def test_init_refuses_another_number_of_words_than_a_verb_takes(
    real_init: Path, tmp_path: Path
) -> None:
    wrong = {}
    for verb in guest_verbs.verbs().values():
        if verb.usage.least:
            wrong[" ".join([verb.name, *["1"] * (verb.usage.least - 1)])] = verb
        if verb.usage.most is not None:
            wrong[" ".join([verb.name, *["1"] * (verb.usage.most + 1)])] = verb
    found = checks_of(real_init, tmp_path / "root", list(wrong))
    for line, verb in wrong.items():
        takes = verb.usage.text or "none"
        said = f"{line.count(' ')} arguments for '{verb.name}', which takes {takes}"
        assert found[line] == CheckResult(found[line].name, Outcome.FAILED, said), line


def test_init_knows_the_words_that_a_catalog_may_have_and_no_others(
    real_init: Path, tmp_path: Path
) -> None:
    known, unknown = [], []
    for verb in guest_verbs.verbs().values():
        for form in verb.usage.forms:
            for at, slot in enumerate(form):
                before = [verb.name, *map(sample, form[:at])]
                after = list(map(sample, form[at + 1 :]))
                known += [" ".join([*before, word, *after]) for word in slot.words]
                unknown += [" ".join([*before, "xyz", *after])] if slot.words else []
    assert len(known) > 80
    found = checks_of(real_init, tmp_path / "root", list(dict.fromkeys(known + unknown)), seconds=1)
    for line in known:
        assert not found[line].detail.startswith("unknown "), line
        assert " is neither " not in found[line].detail, line
    for line in unknown:
        assert found[line].outcome is Outcome.FAILED, line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("file /ingot/plan", None),
        ("file /ingot/plan has key reboot", None),
        ("file /ingot/plan begins 6b6579", None),
        ("file /proc/version has Linux", None),
        ("file /proc/version has Linux Minix", "/proc/version does not have 'Minix'"),
        ("file /ingot/plan begins 6b6578", "/ingot/plan does not begin with 6b6578"),
        ("file /ingot/plan has", "an argument is missing after 'has'"),
        ("file /ingot/plan begins", "an argument is missing after 'begins'"),
        ("file /ingot/plan hs key", "'hs' is neither 'has WORD...' nor 'begins HEX'"),
        ("file /ingot/plan begins 6b 65", "'begins' is neither 'has WORD...' nor 'begins HEX'"),
        ("file /ingot/plan begins zz", "'zz' is not hexadecimal"),
        ("file /ingot/plan begins 6b6", "'6b6' is not hexadecimal"),
        ("file /ingot/plan begins " + "00" * 17, "is not hexadecimal"),
        ("probe p-ingot-opened do_sys_openat2", "'p-ingot-opened' is not p:GROUP/NAME"),
        ("writable tmpfs xyz", "unknown attribute 'xyz'"),
        ("tables 5 filter", "unknown IP version '5'"),
        ("ipsec tunel gcm", "unknown mode 'tunel'"),
        ("nfs 3", "unknown minor version '3' of NFS 4"),
        ("overly", "unknown verb 'overly'"),
    ],
)
def test_what_a_check_finds_and_what_it_says_of_words_that_it_does_not_know(
    real_init: Path, tmp_path: Path, words: str, says: str | None
) -> None:
    (check,) = checks_of(real_init, tmp_path / "root", [words]).values()
    assert check.outcome is (Outcome.FAILED if says else Outcome.PASSED), check.detail
    assert (says or "") in check.detail


def test_a_process_gets_new_namespaces(real_init: Path, tmp_path: Path) -> None:
    kinds = "uts ipc pid net mount cgroup"  # no user's: this process has another root directory
    (check,) = checks_of(real_init, tmp_path / "root", [f"namespaces {kinds}"]).values()
    assert check.ok, check.detail


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
