"""`ingot boot` on fake machines: what is booted, in which machine, what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from ingot.cli.boot import boot_all
from ingot.cli.main import app
from ingot.errors import BootError, MachineError, UserError
from tests.support import fakes
from tests.support.houses import House

CHECK = """
[[checks]]
name = "{name}"
about = "a test"
run = "clock"
options = ["PARENT"]
needs = [{needs}]
"""


def add_check(house: House, name: str, *needs: str) -> None:
    path = house.kernels / "fragments/vmm/firecracker.toml"
    text = path.read_text() if path.exists() else ""
    listed = ", ".join(f'"{word}"' for word in needs)
    path.write_text(text + CHECK.format(name=name, needs=listed))


def booted(house: House, *words: str) -> dict[str, object]:
    result = house.ingot("boot", *words, "--json")
    assert result.returncode == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


def outcomes(document: dict[str, object]) -> dict[str, str]:
    checks = document["checks"]
    assert isinstance(checks, list)
    return {check["name"]: check["outcome"] for check in checks}


def last_command(house: House) -> list[str]:
    return house.recorded("qemu")[-1]


def test_the_checks_of_the_kernel_are_made_and_what_cannot_be_is_skipped(house: House) -> None:
    add_check(house, "disk", "block")
    add_check(house, "bus", "pci")
    house.build()
    document = booted(house, "6.1")
    assert outcomes(document) == {
        "release": "passed",
        "disk": "passed",
        "module dummy.ko": "passed",
        "bus": "skipped",
        "shutdown": "passed",
    }
    text = house.ingot("boot", "6.1").stdout
    assert "- bus: skipped, qemu microvm does not offer pci" in text
    assert "5 checks: 4 passed, 1 skipped" in text
    listed = house.ingot("boot", "6.1", "-v").stdout
    assert "bus: skipped, qemu microvm does not offer pci" in listed


def test_another_machine_runs_what_the_first_could_not(house: House) -> None:
    add_check(house, "bus", "pci")
    house.build()
    document = booted(house, "6.1", "--machine", "q35")
    assert document["machine"] == "qemu q35"
    assert outcomes(document)["bus"] == "passed"
    assert any(word.startswith("virtio-blk-pci") for word in last_command(house)) is False
    assert any(word.startswith("virtio-net-pci") for word in last_command(house)) is False
    assert any(word.startswith("virtio-rng-pci") for word in last_command(house))


def test_checks_can_be_chosen_by_name_by_owner_and_not_at_all(house: House) -> None:
    add_check(house, "one")
    add_check(house, "two")
    house.build()
    plain = {"release", "module dummy.ko", "shutdown"}
    assert set(outcomes(booted(house, "6.1", "--checks", "one"))) == plain | {"one"}
    assert set(outcomes(booted(house, "6.1", "--checks", "firecracker"))) == plain | {"one", "two"}
    assert set(outcomes(booted(house, "6.1", "--checks", "none"))) == plain
    wrong = house.ingot("boot", "6.1", "--checks", "three")
    assert wrong.returncode == UserError.exit_code
    assert "the checks are: one, two" in wrong.stderr


def test_a_check_that_sends_something_gives_the_guest_a_network(house: House) -> None:
    add_check(house, "net", "net")
    house.build()
    booted(house, "6.1")
    assert any(word.startswith("virtio-net-device") for word in last_command(house))
    booted(house, "6.1", "--checks", "none")
    assert not any(word.startswith("virtio-net") for word in last_command(house))
    assert "-netdev" not in last_command(house)


def test_lines_that_only_look_like_inits_are_counted(house: House) -> None:
    house.build()
    result = house.ingot("boot", "6.1", "--append", "fake=forge")
    assert result.returncode == BootError.exit_code
    assert "the guest printed 3 lines that look like check results" in result.stdout
    assert "release: init never reported it" in " ".join(result.stdout.split())
    document = json.loads(house.ingot("boot", "6.1", "--append", "fake=forge", "--json").stdout)
    assert document["forged_lines"] == 3


def test_a_qemu_without_a_filter_is_told_once_and_used(house: House) -> None:
    house.build()
    assert "-sandbox" in last_command(house)
    fakes.tell(FAKE_UNFILTERED="1")
    result = house.ingot("boot", "--all")
    assert result.returncode == 0, result.stderr
    assert "-sandbox" not in last_command(house)
    told = " ".join(result.stderr.split())
    assert told.count("QEMU runs without its system call filter") == 1
    assert "-sandbox support is not enabled" in told


def test_words_for_the_command_line_come_last(house: House) -> None:
    house.build()
    booted(house, "6.1", "--append", "console=hvc0 loglevel=8")
    words = last_command(house)
    assert words[words.index("-append") + 1].endswith(" console=hvc0 loglevel=8")


def test_an_image_without_modules_is_booted_without_any(house: House) -> None:
    house.build()
    document = booted(house, "kernel-bin:6.1")
    assert set(outcomes(document)) == {"release", "shutdown"}


def test_a_kernel_that_panics_fails_and_says_so(house: House, tmp_path: Path) -> None:
    house.build()
    junit = tmp_path / "report.xml"
    panic = house.ingot("boot", "6.1", "--append", "fake=panic", "--junit", str(junit))
    assert panic.returncode == BootError.exit_code
    assert "Kernel panic - not syncing: no reason at all" in panic.stderr
    assert "init never reported it: release, module dummy.ko" in panic.stderr
    (suite,) = ElementTree.parse(junit).getroot()
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "panic: Kernel panic - not syncing: no reason at all"


def test_each_way_to_go_wrong_has_its_verdict(house: House) -> None:
    house.build()
    for how, verdict in (
        ("panic", "panic"),
        ("oops", "oops"),
        ("silent", "silent"),
        ("refuse", "not started"),
        ("flood", "endless output"),
        ("forge", "failed"),
    ):
        result = house.ingot("boot", "6.1", "--append", f"fake={how}", "--json")
        assert result.returncode == BootError.exit_code
        assert json.loads(result.stdout)["verdict"] == verdict
        assert json.loads(result.stdout)["reason"]


def test_what_is_no_kernel_or_for_another_arch_is_never_started(
    house: House, tmp_path: Path
) -> None:
    text = tmp_path / "README"
    text.write_text("no kernel at all")
    image = tmp_path / "Image"
    image.write_bytes(bytes(56) + b"ARM\x64" + b"Linux version 6.1.999 (x@y)")
    house.build()
    started = len(house.recorded("qemu"))
    for words, verdict in (
        ([str(text)], "not started"),
        ([str(image), "--arch", "x86_64"], "wrong arch"),
        (["kernel-bin:6.1", "--arch", "arm64"], "wrong arch"),
    ):
        result = house.ingot("boot", *words, "--json")
        assert result.returncode == BootError.exit_code, result.stderr
        assert json.loads(result.stdout)["verdict"] == verdict
    assert len(house.recorded("qemu")) == started


def test_a_vmm_that_is_not_here_is_no_other(house: House) -> None:
    house.build()
    started = len(house.recorded("qemu"))
    result = house.ingot("boot", "6.1", "--vmm", "cloud-hypervisor")
    assert result.returncode == 3
    assert "the program 'cloud-hypervisor' is not installed" in result.stderr
    assert "leave out --vmm" in result.stderr
    assert len(house.recorded("qemu")) == started


def test_a_machine_that_nobody_knows_is_refused_with_those_there_are(house: House) -> None:
    house.build()
    wrong = house.ingot("boot", "6.1", "--machine", "pc")
    assert wrong.returncode == UserError.exit_code
    assert "it has microvm, q35" in wrong.stderr
    assert house.ingot("boot", "6.1", "--vmm", "bochs").returncode == UserError.exit_code


def test_the_matrix_has_a_row_for_each_machine_that_is_like_one_of_the_vmms(
    house: House, tmp_path: Path
) -> None:
    house.build()
    junit = tmp_path / "all.xml"
    result = house.ingot("boot", "--all", "--json", "--junit", str(junit))
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)["boots"]
    assert [(row["machine"], row["vmms"]) for row in rows] == [
        ("qemu microvm", ["firecracker"]),
        ("firecracker", ["firecracker"]),
    ]
    assert rows[0]["boot"]["verdict"] == "passed"
    assert rows[1]["boot"] is None
    assert "'firecracker' is not installed" in rows[1]["skipped"]
    root = ElementTree.parse(junit).getroot()
    assert [suite.get("name") for suite in root] == [
        "6.1.999 x86_64 default in qemu microvm",
        "6.1.999 x86_64 default in firecracker",
    ]
    assert root.get("skipped") == "1"
    assert root.get("failures") == "0"


def test_a_matrix_with_a_failure_is_shown_whole_and_fails(house: House) -> None:
    house.build()
    result = house.ingot("boot", "--all", "--append", "fake=panic")
    assert result.returncode == BootError.exit_code
    assert "panic" in result.stdout
    assert "firecracker: skipped, " in result.stdout
    assert "1 of 2 boots did not pass" in result.stderr


def test_a_matrix_of_nothing_is_told(house: House) -> None:
    result = house.ingot("boot", "--all")
    assert result.returncode == UserError.exit_code
    assert "ingot build" in result.stderr


def test_a_shell_needs_a_terminal(house: House) -> None:
    house.build()
    result = house.ingot("shell", "6.1", "oci:x:y")
    assert result.returncode == UserError.exit_code
    assert "needs a terminal" in result.stderr
    assert "ingot run" in result.stderr


def test_a_root_that_is_not_there_is_reported(house: House) -> None:
    house.build()
    nowhere = house.ingot("run", "6.1", f"oci:{house.root / 'images'}:none:1")
    assert nowhere.returncode == UserError.exit_code
    assert "has no image 'none:1'" in nowhere.stderr
    bare = house.ingot("run", "6.1", "alpine")
    assert bare.returncode == UserError.exit_code
    assert "oci:DIR:TAG" in bare.stderr


def test_a_disk_that_the_kernel_cannot_mount_is_refused(house: House) -> None:
    house.build()
    disk = house.root / "root.disk"
    for content, why in (
        (b"hsqs" + bytes(4096), "cannot mount a root of squashfs by itself"),
        (bytes(9), "is not a disk that can be a root"),
    ):
        disk.write_bytes(content)
        result = house.ingot("run", "6.1", str(disk))
        assert result.returncode == UserError.exit_code
        assert why in result.stderr


def test_an_image_without_an_init_is_reported(house: House) -> None:
    house.build()
    result = house.ingot("run", "6.1", f"oci:{house.layout.root}:kernel-modules:6.1.999")
    assert result.returncode == UserError.exit_code
    assert "has no init" in result.stderr


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("6.1 --profile", "ingot profile KERNEL"),
        ("--bisect-options a b", "ingot bisect A B"),
        ("6.1 --by=size", "ingot bisect A B --by COST"),
        ("6.1 --rootfs oci:x:y", "ingot run KERNEL IMAGE"),
        ("6.1 --rootfs oci:x:y --interactive", "ingot run KERNEL IMAGE"),
        ("6.1 -i", "ingot shell KERNEL IMAGE"),
    ],
)
def test_an_option_that_is_a_verb_now_names_the_verb(house: House, words: str, verb: str) -> None:
    result = house.ingot("boot", *words.split())
    assert result.returncode == UserError.exit_code
    assert f"next: run: {verb}\n" in result.stderr


def test_all_kernels_are_booted_in_the_machines_that_are_named(house: House) -> None:
    house.build()
    result = house.ingot("boot", "--all", "--machine", "microvm", "--json")
    assert result.returncode == 0, result.stderr
    assert [row["machine"] for row in json.loads(result.stdout)["boots"]] == ["qemu microvm"]
    text = house.ingot("boot", "--all", "--vmm", "qemu", "--console").stdout
    assert "6.1.999 x86_64 default in qemu microvm: " in text
    wrong = house.ingot("boot", "--all", "--machine", "q35")
    assert wrong.returncode == UserError.exit_code
    assert "the machines that do: qemu microvm, firecracker" in wrong.stderr


def test_there_must_be_one_kernel_to_boot(house: House) -> None:
    for words in ("6.1 --arch x86_64 --arch arm64", "6.1 --flavor a --flavor b", ""):
        assert house.ingot("boot", *words.split()).returncode == UserError.exit_code


def test_the_flavor_that_is_named_is_meant(house: House) -> None:
    house.build()
    assert house.ingot("boot", "6.1", "--flavor", "default").returncode == 0
    other = house.ingot("boot", "6.1", "--flavor", "other")
    assert other.returncode == UserError.exit_code
    assert "other" in other.stderr
    tagged = house.ingot("boot", "flintlock-kernel:6.1.999", "--flavor", "default")
    assert "leave out --flavor" in tagged.stderr


def test_a_result_that_cannot_be_written_is_shown_all_the_same(house: House) -> None:
    house.build()
    for words in (("6.1",), ("--all",)):
        result = house.ingot("boot", *words, "--junit", "/dev/full")
        assert result.returncode == MachineError.exit_code, result.stderr
        assert "passed" in result.stdout


def test_junit_on_standard_output_is_the_only_text_there(house: House) -> None:
    house.build()
    result = house.ingot("boot", "6.1", "--junit", "-")
    assert ElementTree.fromstring(result.stdout).tag == "testsuites"
    assert "passed" in result.stderr


@pytest.mark.parametrize("path", ["/", "none/boots.xml", "-"])
def test_a_place_for_junit_that_cannot_be_meant_is_refused_before_the_boot(path: str) -> None:
    words = ["boot", "6.1", "--json", "--junit", path, "--catalog", "/no-catalog"]
    refused = CliRunner().invoke(app, words).exception
    assert isinstance(refused, UserError)
    assert "catalog" not in refused.what


def test_where_nothing_can_be_booted_nothing_has_passed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.build()
    monkeypatch.setattr(boot_all, "obstacle", lambda _: "its program is missing")
    result = CliRunner().invoke(app, ["boot", "--all", "--catalog", str(house.kernels)])
    assert isinstance(result.exception, MachineError)
    assert result.exception.what.startswith("nothing was booted")
    assert "its program is missing" in result.exception.why
