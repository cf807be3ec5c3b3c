"""Firecracker and Cloud Hypervisor, driven over their API: against stand-ins for both.

The stand-ins (tests/fakevmm) hold every request against the published description of the API.
They are no proof that the VMMs themselves take them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot.boot_report import (
    BootReport,
    CheckResult,
    Expectation,
    Outcome,
    Verdict,
    read_reports,
)
from ingot.boot.vmm import choice, cloud_hypervisor, firecracker, http_api, running
from ingot.boot.vmm.choice import boot, machine_named, obstacle
from ingot.boot.vmm.machines import Guest, Machine
from ingot.errors import MachineError
from tests.support import fakes
from tests.support.guests import KEY, tagged

FAKES = Path(__file__).parent.parent / "fakevmm"
X86 = arch("x86_64")
SECONDS = 30.0
GOOD = """\
[    0.000000] Linux version 6.1.176 (ingot@ingot)
INIT {"check":"release","outcome":"passed","detail":"6.1.176"}
INIT {"check":"block","outcome":"passed","detail":"16 MiB"}
INIT {"check":"end","outcome":"passed","detail":"ending"}
"""
PANIC = """\
[    0.000000] Linux version 6.1.176 (ingot@ingot)
[    0.4] Kernel panic - not syncing: VFS: Unable to mount root fs
[    0.4] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs ]---
"""
VMMS: dict[str, Callable[[Guest, Machine, float], BootReport]] = {
    "firecracker": firecracker.boot,
    "cloud-hypervisor": cloud_hypervisor.boot,
}
FIRST = {"firecracker": "/machine-config", "cloud-hypervisor": "/api/v1/vmm.ping"}
LAST = {"firecracker": "/actions", "cloud-hypervisor": "/api/v1/vm.boot"}
BALLOONS = ("/balloon", "/api/v1/vm.create")


@dataclass(frozen=True, slots=True)
class Vmm:
    """One of the two, with a guest for it."""

    name: str
    root: Path
    guest: Guest
    monkeypatch: pytest.MonkeyPatch

    @property
    def machine(self) -> Machine:
        return machine_named(X86, self.name)

    def boot(self, console: str = GOOD, how: str = "", seconds: float = SECONDS) -> BootReport:
        (self.root / "console").write_text(console)
        fakes.tell(FAKE_VMM=how)
        return VMMS[self.name](self.guest, self.machine, seconds)

    def requests(self) -> list[tuple[str, str, dict[str, object] | None]]:
        record = self.root / "record"
        lines = record.read_text().splitlines() if record.exists() else []
        return [tuple(json.loads(line)) for line in lines]


@pytest.fixture(params=sorted(VMMS))
def vmm(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vmm:
    fakes.install(
        monkeypatch,
        tmp_path / "fakes",
        FAKES,
        FAKE_RECORD=str(tmp_path / "record"),
        FAKE_CONSOLE=str(tmp_path / "console"),
    )
    kernel = tmp_path / "vmlinux"
    kernel.write_bytes(b"kernel")
    expected = Expectation("6.1.176", ("block",))
    guest = Guest(kernel, b"CPIO", expected, append="ingot.proof=1", scratch=True)
    return Vmm(request.param, tmp_path, guest, monkeypatch)


def test_a_guest_boots_and_its_serial_port_is_read(vmm: Vmm) -> None:
    skipped = CheckResult("net", Outcome.SKIPPED, f"{vmm.name} does not offer net")
    vmm = replace(vmm, guest=replace(vmm.guest, skipped=(skipped,)))
    report = vmm.boot()
    assert report.verdict is Verdict.PASSED, report.explain()
    assert (report.machine, report.accelerator) == (vmm.name, "kvm")
    assert [check.name for check in report.checks] == ["release", "block", "net", "shutdown"]
    paths = [path for _, path, _ in vmm.requests()]
    assert paths[0] == FIRST[vmm.name]
    assert paths[-1] == LAST[vmm.name]


def test_the_guest_gets_kernel_initramfs_command_line_and_disk(vmm: Vmm) -> None:
    vmm.boot()
    text = json.dumps([body for _, _, body in vmm.requests()])
    assert str(vmm.guest.kernel) in text
    assert "initramfs.cpio" in text
    assert "scratch.img" in text
    assert f"{vmm.machine.append} ingot.proof=1" in text


def test_the_host_wants_memory_back_of_a_guest_that_is_to_prove_that_it_can(vmm: Vmm) -> None:
    wanted = {"firecracker": {"amount_mib": 16}, "cloud-hypervisor": {"size": 16 << 20}}
    vmm.boot()
    bodies = [body for _, path, body in vmm.requests() if path in BALLOONS]
    (balloon,) = (body.get("balloon", body) for body in bodies if body is not None)
    assert balloon == {**wanted[vmm.name], "deflate_on_oom": True}


def test_nothing_of_the_guest_stays(vmm: Vmm, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    vmm.monkeypatch.setattr("ingot.boot.vmm.running.tempfile.tempdir", str(temporary))
    vmm.boot()
    assert list(temporary.iterdir()) == []


def test_a_request_that_is_refused_is_told_in_the_vmms_own_words(vmm: Vmm) -> None:
    report = vmm.boot(how=f"refuse {LAST[vmm.name]}")
    assert report.verdict is Verdict.NOT_STARTED
    assert f"PUT {LAST[vmm.name]} was refused (400)" in report.reason
    assert "no, thank you" in report.reason


def test_a_missing_kernel_is_refused_by_the_vmm(vmm: Vmm) -> None:
    vmm.guest.kernel.unlink()
    report = vmm.boot()
    assert report.verdict is Verdict.NOT_STARTED
    assert "No such file or directory" in report.reason


def test_a_vmm_that_dies_at_a_request_is_told(vmm: Vmm) -> None:
    report = vmm.boot(how=f"die {LAST[vmm.name]}")
    assert report.verdict is Verdict.NOT_STARTED
    assert "panicked" in report.explain()


def test_a_vmm_that_never_opens_its_socket_is_ended(vmm: Vmm) -> None:
    vmm.monkeypatch.setattr(http_api, "_SOCKET_SECONDS", 0.2)
    report = vmm.boot(how="deaf")
    assert report.verdict is Verdict.NOT_STARTED
    assert "opened no API socket" in report.reason
    assert vmm.requests() == []


def test_a_guest_that_hangs_is_ended_when_its_time_is_up(vmm: Vmm) -> None:
    report = vmm.boot("[    0.1] Linux version 6.1.176\n", how="hang", seconds=2.0)
    assert report.verdict is Verdict.HANG
    assert report.reason.endswith("Linux version 6.1.176")


def test_a_guest_without_a_console_is_silent(vmm: Vmm) -> None:
    report = vmm.boot("", how="hang", seconds=2.0)
    assert report.verdict is Verdict.SILENT, report.explain()


def test_what_anything_but_init_prints_passes_nothing(vmm: Vmm) -> None:
    report = vmm.boot(GOOD.replace("INIT", "INGOT"))
    assert report.verdict is Verdict.FAILED
    assert "the guest printed 3 lines that look like check results" in report.explain()


def test_a_guest_that_never_stops_printing_is_ended(vmm: Vmm) -> None:
    vmm.monkeypatch.setattr(running, "CONSOLE_BYTES", 1 << 20)
    report = vmm.boot(how="flood", seconds=600.0)  # not the time limit ends it
    assert report.verdict is Verdict.ENDLESS
    assert report.reason == "the guest printed more than 1 MiB, and was ended"
    assert sum(map(len, report.console)) < 1 << 20


def test_an_answer_without_an_end_is_read_no_further_than_its_limit(vmm: Vmm) -> None:
    vmm.monkeypatch.setattr(http_api, "_LONGEST_ANSWER", 1000)
    report = vmm.boot(how="babble", seconds=600.0)  # not the time limit ends it
    assert report.verdict is Verdict.NOT_STARTED
    assert "was answered with more than 1,000 bytes" in report.reason


def test_what_a_vmm_answers_does_nothing_to_a_terminal(vmm: Vmm) -> None:
    report = vmm.boot(how=f"refuse {LAST[vmm.name]} \x1b[31m")
    assert "\x1b" not in report.reason


def test_a_panic_is_a_panic(vmm: Vmm) -> None:
    report = vmm.boot(PANIC)
    assert report.verdict is Verdict.PANIC
    assert report.reason.startswith("Kernel panic - not syncing: VFS")


def test_cloud_hypervisor_is_ended_after_a_panic_for_it_would_start_the_guest_again(
    vmm: Vmm,
) -> None:
    if vmm.name != "cloud-hypervisor":
        pytest.skip("Firecracker ends with its guest")
    report = vmm.boot(PANIC, how="hang", seconds=600.0)  # not the time limit ends it
    assert report.verdict is Verdict.PANIC


# Whether they can be used here


def test_without_its_program_a_vmm_is_refused_and_says_so(
    vmm: Vmm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MachineError, match=f"'{vmm.name}' is not installed") as caught:
        boot(vmm.guest, vmm.machine, SECONDS)
    assert "leave out --vmm to boot in the most similar QEMU machine" in caught.value.hint


def pretend_host(monkeypatch: pytest.MonkeyPatch, machine: str, fault: str = "") -> None:
    real = os.uname()
    fields = (real.sysname, real.nodename, real.release, real.version, machine)
    monkeypatch.setattr("ingot.boot.vmm.choice.os.uname", lambda: os.uname_result(fields))
    monkeypatch.setattr(choice, "kvm_fault", lambda: fault)


def test_without_kvm_and_for_another_arch_there_is_an_obstacle(
    vmm: Vmm, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_host(monkeypatch, "x86_64", "there is no /dev/kvm")
    assert obstacle(vmm.machine) == "there is no /dev/kvm"
    pretend_host(monkeypatch, "aarch64")
    assert "x86_64 machines only" in obstacle(vmm.machine)
    pretend_host(monkeypatch, "x86_64")
    assert obstacle(vmm.machine) == ""


def pretend_qemu(monkeypatch: pytest.MonkeyPatch, **consoles: str) -> list[str]:
    """Have the same guest print these consoles under QEMU, by accelerator; returns the tries."""
    tried = []

    def boot_with(accelerator: str, _guest: Guest, machine: Machine, _: float) -> BootReport:
        tried.append(f"{machine.name} {accelerator}")
        console = tuple(tagged(consoles[accelerator].replace("INIT", "INGOT")).splitlines())
        reports = read_reports(console, KEY)
        return BootReport(
            Verdict.FAILED, machine.name, accelerator, 1.0, (), console, ("qemu",), reports=reports
        )

    monkeypatch.setattr("ingot.boot.vmm.choice.qemu.boot_with", boot_with)
    return tried


def test_a_kvm_that_runs_the_kernel_in_qemu_is_trusted(
    vmm: Vmm, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_host(monkeypatch, "x86_64")
    tried = pretend_qemu(monkeypatch, kvm=GOOD)
    (vmm.root / "console").write_text(GOOD)
    assert boot(vmm.guest, vmm.machine, SECONDS).passed
    stand_in = "qemu microvm" if vmm.name == "firecracker" else "qemu q35"
    assert tried == [f"{stand_in} kvm"]


def test_a_kvm_that_runs_no_kernel_is_not_held_against_it(
    vmm: Vmm, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_host(monkeypatch, "x86_64")
    pretend_qemu(monkeypatch, kvm="KVM internal error. Suberror: 1\n", tcg=GOOD)
    with pytest.raises(MachineError, match="but not with KVM"):
        boot(vmm.guest, vmm.machine, SECONDS)
    assert vmm.requests() == []


def test_a_kernel_that_boots_nowhere_is_judged_in_the_vmm_itself(
    vmm: Vmm, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_host(monkeypatch, "x86_64")
    pretend_qemu(monkeypatch, kvm=PANIC, tcg=PANIC)
    (vmm.root / "console").write_text(PANIC)
    report = boot(vmm.guest, vmm.machine, SECONDS)
    assert report.verdict is Verdict.PANIC
    assert report.machine == vmm.name
