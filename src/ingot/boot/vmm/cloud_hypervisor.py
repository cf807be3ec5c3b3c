"""Booting a guest in Cloud Hypervisor itself, over its API (cloud-hypervisor: vmm/src/api/openapi).

The guest's serial port is Cloud Hypervisor's standard output. Cloud Hypervisor ends when the guest
powers off, and restarts a guest that reboots. A guest that panics therefore halts (`panic=0`), and
Ingot ends the VMM.
"""

from __future__ import annotations

from pathlib import Path

from ingot.boot.boot_report import BootReport, is_end_of_panic
from ingot.boot.vmm.http_api import ApiRequest, driving
from ingot.boot.vmm.machines import Guest, Machine
from ingot.boot.vmm.running import (
    command_line,
    disks_of,
    guest_directory,
    initramfs_in,
    root_of,
    run_guest,
)

PROGRAM = "cloud-hypervisor"
_API = "/api/v1"
_GUEST_CID = 3


def boot(guest: Guest, machine: Machine, timeout: float) -> BootReport:
    """Boot the guest in Cloud Hypervisor and judge it; needs its program and a working KVM."""
    guest = guest.for_one_boot()
    with guest_directory(root_of(guest)) as directory:
        socket = directory / "api.sock"
        command = [PROGRAM, "--api-socket", f"path={socket}"]
        with driving(socket, requests(guest, machine, directory)) as driver:

            def end_after_panic(line: str) -> None:
                if is_end_of_panic(line):
                    driver.end()

            return run_guest(
                command, guest, machine, "kvm", timeout, driver=driver, on_line=end_after_panic
            )


def requests(guest: Guest, machine: Machine, directory: Path) -> list[ApiRequest]:
    """All requests to Cloud Hypervisor, in order. `directory` is the guest's own directory."""
    return [
        ApiRequest("GET", f"{_API}/vmm.ping"),
        ApiRequest("PUT", f"{_API}/vm.create", _machine(guest, machine, directory)),
        ApiRequest("PUT", f"{_API}/vm.boot"),
    ]


def _machine(guest: Guest, machine: Machine, directory: Path) -> dict[str, object]:
    payload = {
        "kernel": str(guest.kernel),
        "cmdline": command_line(machine.append, guest.append),
    }
    if initramfs := initramfs_in(directory):
        payload["initramfs"] = str(initramfs)
    return {
        "payload": payload,
        "cpus": {"boot_vcpus": guest.cpus, "max_vcpus": guest.cpus},
        "memory": {"size": guest.memory << 20},
        # with a guessed type, Cloud Hypervisor forbids writing to the first sector
        "disks": [{"path": str(disk), "image_type": "Raw"} for disk in disks_of(guest, directory)],
        "rng": {"src": "/dev/urandom"},
        "balloon": {"size": guest.balloon_mib << 20, "deflate_on_oom": True},
        "vsock": {"cid": _GUEST_CID, "socket": str(directory / "vsock.sock")},
        "serial": {"mode": "Tty"},
        "console": {"mode": "Off"},
    }
