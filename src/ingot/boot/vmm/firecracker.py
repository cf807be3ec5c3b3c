"""Booting a guest in Firecracker itself, over its API (firecracker: src/firecracker/swagger).

The order of the requests is that of its getting-started guide: the devices and settings in any
order, then the action that starts the machine. The guest's serial port is Firecracker's standard
output; Firecracker ends when the guest reboots (`reboot=k`).
"""

from __future__ import annotations

from pathlib import Path

from ingot.boot.boot_report import BootReport
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

PROGRAM = "firecracker"
_GUEST_CID = 3


def boot(guest: Guest, machine: Machine, timeout: float) -> BootReport:
    """Boot the guest in Firecracker and judge it; needs its program and a working KVM."""
    guest = guest.for_one_boot()
    with guest_directory(root_of(guest)) as directory:
        socket = directory / "api.sock"
        command = [PROGRAM, "--api-sock", str(socket)]
        with driving(socket, requests(guest, machine, directory)) as driver:
            return run_guest(command, guest, machine, "kvm", timeout, driver=driver)


def requests(guest: Guest, machine: Machine, directory: Path) -> list[ApiRequest]:
    """All requests to Firecracker, in order. `directory` is the guest's own directory."""

    def put(path: str, body: dict[str, object]) -> ApiRequest:
        return ApiRequest("PUT", path, body)

    source: dict[str, object] = {
        "kernel_image_path": str(guest.kernel),
        "boot_args": command_line(machine.append, guest.append),
    }
    if initramfs := initramfs_in(directory):
        source["initrd_path"] = str(initramfs)
    return [
        put("/machine-config", {"vcpu_count": guest.cpus, "mem_size_mib": guest.memory}),
        put("/boot-source", source),
        *(
            put(f"/drives/disk{number}", _drive(f"disk{number}", disk))
            for number, disk in enumerate(disks_of(guest, directory))
        ),
        put("/vsock", {"guest_cid": _GUEST_CID, "uds_path": str(directory / "vsock.sock")}),
        put("/entropy", {}),
        put("/balloon", {"amount_mib": guest.balloon_mib, "deflate_on_oom": True}),
        put("/actions", {"action_type": "InstanceStart"}),
    ]


def _drive(name: str, disk: Path) -> dict[str, object]:
    # the root device is on the command line, as for the other VMMs
    return {
        "drive_id": name,
        "path_on_host": str(disk),
        "is_root_device": False,
        "is_read_only": False,
    }
