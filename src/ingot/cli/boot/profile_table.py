"""A boot profile as text: the instructions in total, by phase, and by the costliest initcalls."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from ingot.boot.cost.boot_profile import Profile
from ingot.cli.shared.terminal import Terminal, styled
from ingot.units import size_text

_INITCALLS_SHOWN = 15
_BAR_WIDTH = 22
_NAME_WIDTH = 31

Row = tuple[str, int]


def print_profile(console: Terminal, tag: str, profile: Profile) -> None:
    """Print a profile in at most 80 columns."""
    console.say(f"{tag}: {profile.instructions:,} instructions to init", style="bold")
    console.say(f"  {profile.seconds:.3f} s of virtual time{_log_clock(profile)}")
    if profile.calibration:
        reason = "the calibration of the APIC timer, which guests of KVM skip"
        console.say(f"  {profile.calibration:,} more are not counted: {reason}")
    console.say(f"  {size_text(profile.memory_used)} of memory in use when init starts")
    console.say(f"  {profile.machine}, {profile.emulator}: {profile.command_line}")
    total = profile.instructions
    console.print()
    phases = [(phase.name, phase.instructions) for phase in profile.phases]
    console.print(_table("phase", [*phases, ("total", total)], total))
    console.print()
    if profile.initcalls:
        console.print(_table("initcall", list(_costliest(profile)), total))
    else:
        console.say(
            "The kernel's log does not list initcalls: that needs CONFIG_PRINTK and"
            " CONFIG_KALLSYMS, and a console that prints them.",
        )


def _log_clock(profile: Profile) -> str:
    """The time until init by the kernel's log, if init could read it."""
    return f"; {profile.log_clock / 1e9:.3f} s by the kernel's log" if profile.log_clock else ""


def _costliest(profile: Profile) -> Iterable[Row]:
    shown, rest = profile.initcalls[:_INITCALLS_SHOWN], profile.initcalls[_INITCALLS_SHOWN:]
    yield from ((call.name, call.instructions) for call in shown)
    if rest:
        yield f"{len(rest)} more", sum(call.instructions for call in rest)


def _table(title: str, rows: list[Row], total: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True, overflow="ellipsis", width=_NAME_WIDTH)
    table.add_column("instructions", justify="right", no_wrap=True, min_width=13)
    table.add_column("share", justify="right", no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, width=_BAR_WIDTH)
    for name, instructions in rows:
        share = instructions / total if total else 0.0
        bar = "" if name == "total" else "█" * round(min(share, 1.0) * _BAR_WIDTH)
        table.add_row(name, f"{instructions:,}", f"{share:.1%}", styled(bar, "cyan"))
    return table
