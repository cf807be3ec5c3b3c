"""The guest side of a boot, on a real kernel: what is there passes, what is missing fails.

The kernel has next to nothing (`fragments/`), so that a check of most things must fail on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingot import pipeline
from ingot.arch import arch
from ingot.boot.boot_report import BootReport, Outcome, Verdict
from ingot.boot.guest.guest_contents import compile_init, make_guest
from ingot.boot.vmm.machines import machine_for
from ingot.boot.vmm.qemu import boot
from ingot.builder.sandbox import Sandbox
from ingot.catalog import GuestCheck
from ingot.cli.shared.common_options import make_setting
from ingot.progress import Silent
from tests.support.labs import VERSION, Lab

pytestmark = pytest.mark.e2e

BOOT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A kernel with its modules, and an init, to be booted with any checks."""

    root: Path
    init: bytes

    def boot(self, proofs: Sequence[GuestCheck]) -> BootReport:
        machine = machine_for(arch("x86_64"))
        kernel = self.root / "kernel-bin/boot/vmlinux"
        modules = self.root / "kernel-modules/lib/modules" / VERSION
        guest = make_guest(kernel, modules, VERSION, self.init, machine, proofs)
        return boot(guest, machine, BOOT_SECONDS)


@pytest.fixture(scope="module")
def bench(lab: Lab, built: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("bench")
    setting = make_setting(lab.kernels, None)
    builder = pipeline.ensure_builder(setting, setting.project.catalog.kernels[0].builder, Silent())
    init = compile_init(Sandbox.below(root / "work", builder), arch("x86_64"))
    for image in ("kernel-bin", "kernel-modules"):
        done = lab.ingot("export", f"{image}:{VERSION}", "--to", str(root / image))
        assert done.returncode == 0, done.stderr
    return Bench(root, init)


def proof(name: str, *run: str, **more: object) -> GuestCheck:
    found = GuestCheck(name, "", "base/linux", run or (name,), options=("PROC_FS",))
    return replace(found, **more)  # type: ignore[arg-type]


def outcomes(report: BootReport) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in report.checks}


def details(report: BootReport) -> dict[str, str]:
    return {check.name: check.detail for check in report.checks}


def test_what_the_kernel_has_is_proven(bench: Bench) -> None:
    report = bench.boot(
        [
            proof("command-line", "command-line", "ingot.proof=1", append="ingot.proof=1"),
            proof("clock"),
            proof("file", "file", "/proc/version", "has", "Linux"),
            proof("by-name", "modules", "crc_ccitt"),
            proof("first", "file", "/proc/modules", "has", "pps_core", modules=("pps_ktimer",)),
        ]
    )
    assert report.passed, report.explain()
    assert set(outcomes(report).values()) == {Outcome.PASSED}
    assert details(report)["command-line"] == "has ingot.proof=1"


def test_each_check_of_what_it_lacks_fails_and_the_next_one_still_runs(bench: Bench) -> None:
    lacking = [
        proof("seccomp"),
        proof("overlay"),
        proof("fuse"),
        proof("wireguard"),
        proof("tun"),
        proof("landlock"),
        proof("bpf"),
        proof("link", "link", "veth"),
        proof("cgroup", "cgroup", "memory"),
        proof("namespaces", "namespaces", "uts", "pid"),
        proof("unknown", "no-such-verb"),
        proof("elsewhere", "command-line", "ingot.proof=2"),
        proof("without", "file", "/proc/version", modules=("no_such_module",)),
    ]
    report = bench.boot([*lacking, proof("clock")])
    assert report.verdict is Verdict.FAILED
    found = outcomes(report)
    assert {name for name, outcome in found.items() if outcome is Outcome.FAILED} == {
        one.name for one in lacking if one.name != "without"
    }
    assert details(report)["unknown"] == "unknown verb 'no-such-verb'"
    assert details(report)["shutdown"] == "clean"


def test_a_check_that_hangs_is_ended_and_told(bench: Bench) -> None:
    # whoever reads this file waits for the kernel's next message
    report = bench.boot(
        [proof("hang", "file", "/proc/kmsg", "has", "it", seconds=1), proof("clock")]
    )
    found = details(report)
    assert found["hang"] == "took longer than 1 s"
    assert outcomes(report)["clock"] is Outcome.PASSED
    assert found["shutdown"] == "clean"


def test_no_check_can_look_into_init_or_at_its_key(bench: Bench) -> None:
    paths = ["/proc/1/mem", "/proc/1/maps", "/proc/1/environ", "/ingot/key"]
    report = bench.boot([proof(path, "file", path) for path in paths])
    found = details(report)
    assert [found[path].rpartition(": ")[2] for path in paths] == [
        *["Permission denied"] * 3,
        "No such file or directory",
    ]
    assert found["shutdown"] == "clean"


def test_a_missing_module_fails_what_needs_it(bench: Bench, tmp_path: Path) -> None:
    """As on a kernel that was built without: the lists name the module, the file is not there."""
    asked = [proof("there", "modules", "crc_ccitt"), proof("gone", "modules", "pps_ktimer")]
    (module,) = bench.root.rglob("pps_core.ko")
    elsewhere = module.rename(tmp_path / "pps_core.ko")
    try:
        found = outcomes(bench.boot(asked))
    finally:
        elsewhere.rename(module)
    assert (found["there"], found["gone"]) == (Outcome.PASSED, Outcome.FAILED)


def test_init_compiles_for_the_other_arch(bench: Bench, lab: Lab, tmp_path: Path) -> None:
    setting = make_setting(lab.kernels, None)
    builder = pipeline.ensure_builder(setting, setting.project.catalog.kernels[0].builder, Silent())
    init = compile_init(Sandbox.below(tmp_path, builder), arch("arm64"))
    assert init.startswith(b"\x7fELF")
    assert init != bench.init
