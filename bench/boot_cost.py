"""What kernels cost until init starts, side by side: instructions, memory, bytes.

    .venv/bin/python bench/boot_cost.py [--catalog DIR] [--arch ARCH] KERNEL|FILE|KERNEL=CONFIG ...

A KERNEL is one of the store (6.1, 6.1.176-minimal), a FILE any kernel that QEMU's machine for
ARCH starts: an x86_64 vmlinux, an arm64 Image. KERNEL=CONFIG is the source of that kernel of the
catalog, compiled with a .config from elsewhere. All of them get the machine, the initramfs and the
command line of `ingot profile` (src/ingot/boot/cost/instruction_count.py), so peers are measured as
Ingot's own are. Those of note:

    6.1=firecracker-ci-6.1.config               Firecracker's CI: in its repository below
                                                resources/guest_configs, ci.config and nvme.config
                                                laid over microvm-kernel-ci-x86_64-6.1.config, as
                                                resources/rebuild.sh does
    5.10=linux-x86_64-5.10.77.config            Liquid Metal (image-builder, kernel/firecracker);
                                                without CONFIG_MODULE_SIG, whose key would have to
                                                be made by openssl, which builders do not have
    vmlinux                                     of Debian's linux-image-6.1-cloud, unpacked by the
                                                kernel's own scripts/extract-vmlinux

Figures are the same on every run and machine with the same QEMU.

Instructions are in millions; without --json, parts below 0.05 of every kernel are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ingot
from ingot import arch, lab, pipeline
from ingot.boot.cost.boot_profile import Initcall, Phase, Profile
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal
from ingot.errors import IngotError
from ingot.image_lookup import find_image_named
from ingot.images import KERNEL_FILE
from ingot.oci import list_files
from ingot.pipeline.bench import profile_config
from ingot.progress import Silent
from ingot.setting import Setting

_NAME_WIDTH = 34
_WIDTH = 18
_SMALL = 50_000


@dataclass(frozen=True, slots=True)
class Column:
    """One kernel: what it was called, the bytes of its file, what it costs."""

    name: str
    size: int
    profile: Profile


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="+", metavar="KERNEL|FILE|KERNEL=CONFIG")
    parser.add_argument("--catalog", type=Path, default=Path("kernels"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ingot")
    parser.add_argument("--arch", default="x86_64", help="what the files are for")
    parser.add_argument("--initcalls", type=int, default=15, help="how many of each are shown")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    setting = Setting(ingot.open_project(options.catalog, cache=options.cache))
    columns = []
    for name in options.kernels:
        try:
            columns.append(measure(setting, name, options.arch))
        except IngotError as error:
            # what took hours to measure is shown all the same
            print(f"{name} is left out: {error}", file=sys.stderr)
    if options.json:
        rows = [{"kernel": c.name, "size": c.size, **c.profile.to_json()} for c in columns]
        print(json.dumps(rows, indent=1))
    else:
        show(columns, options.initcalls)
    sys.exit(len(columns) < len(options.kernels))


def measure(setting: Setting, name: str, arch_name: str) -> Column:
    """Count one kernel, by a file's path or by what it is called in the store."""
    builder = pipeline.ensure_builder(
        setting, setting.project.catalog.kernels[-1].builder, Silent()
    )
    kernel, given, config = name.partition("=")
    path = Path(config or name)
    if given:
        (chosen,) = ingot.list_kernels(setting.project, [kernel])
        wanted = lab.config_of_file(path).config
        progress = make_progress(Terminal(stderr=True))
        profile, size = profile_config(setting, chosen, wanted, progress)
        return Column(path.stem, size, profile)
    if path.is_file():
        profile = lab.profile_file(setting, path, arch.arch(arch_name), builder, Silent())
        return Column(path.name, path.stat().st_size, profile)
    tag, image = find_image_named(setting.project, name)
    profile = lab.profile_image(setting, image, builder, Silent())
    sizes = [
        file.size for file in list_files(setting.project.layout, image) if file.name == KERNEL_FILE
    ]
    return Column(tag.partition(":")[2], sizes[0], profile)


def show(columns: Sequence[Column], initcalls: int) -> None:
    """Print the table: a column a kernel."""
    profiles = [column.profile for column in columns]
    row("", [column.name[-_WIDTH:] for column in columns])
    row("to init", [millions(profile.instructions) for profile in profiles])
    row("  by the kernel's log", [millions(profile.log_clock) for profile in profiles])
    row("  APIC timing, left out", [millions(profile.calibration) for profile in profiles])
    row("memory used, MiB", [f"{profile.memory_used / (1 << 20):.1f}" for profile in profiles])
    row("kernel file, MiB", [f"{column.size / (1 << 20):.1f}" for column in columns])
    print()
    parts("phase", [profile.phases for profile in profiles])
    print()
    shown = {call.name for profile in profiles for call in profile.initcalls[:initcalls]}
    parts("initcall", [[c for c in p.initcalls if c.name in shown] for p in profiles])


def parts(title: str, lists: Sequence[Sequence[Phase | Initcall]]) -> None:
    """A row for each part that any kernel has, phases in their order, initcalls by their cost."""
    row(title, [""] * len(lists))
    tables = [{part.name: part.instructions for part in parts} for parts in lists]
    names = list(dict.fromkeys(name for table in tables for name in table))
    if title == "initcall":
        names.sort(key=lambda name: -max(table.get(name, 0) for table in tables))
    for name in names:
        if any(table.get(name, 0) >= _SMALL for table in tables):
            row(f"  {name}", [millions(t[name]) if name in t else "-" for t in tables])


def row(name: str, values: Sequence[str]) -> None:
    cells = (f"{value:>{_WIDTH}}" for value in values)
    print(f"{name[:_NAME_WIDTH]:<{_NAME_WIDTH}} {' '.join(cells)}".rstrip())


def millions(instructions: int) -> str:
    return f"{instructions / 1e6:.3f}"


if __name__ == "__main__":
    main()
