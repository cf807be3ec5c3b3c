"""The comparison of two images, as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ingot.boot.cost.boot_profile import Profile
from ingot.cli.shared.config_differences import option_counts, option_groups, print_names
from ingot.cli.shared.terminal import Terminal, styled
from ingot.comparison import Changes, Comparison, ImageSummary, SizeChange
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.kernel_cves import CveChanges

_LINKER = "(tables and alignment)"


def print_comparison(console: Terminal, comparison: Comparison, limit: int | None) -> None:
    """Print the differences, at most `limit` lines of each list; all lines if it is None."""
    before, after = comparison.before, comparison.after
    print_names(console, before.name, after.name)
    console.print()
    console.print(_table(_origin_rows(before, after)))
    console.print()
    console.print(_sizes_table(before, after))
    if comparison.same:
        console.print()
        console.say("The layers are identical.")
    _print_changes(console, "kernel by source directory", comparison.directories, limit)
    _print_changes(console, "modules", comparison.modules, limit)
    _print_changes(console, "files", comparison.files, limit)
    if comparison.options:
        console.print()
        console.say(("config", "bold"), f": {option_counts(comparison.options)}")
        for _, table in option_groups(comparison.options[:limit]):
            console.print(table)
        _print_rest(console, len(comparison.options), limit)
    for line in _not_compared(before, after):
        console.print()
        console.say(line, style="dim")


def print_cve_changes(console: Terminal, changes: CveChanges, limit: int | None) -> None:
    """Print the CVEs in compiled files that only one of two kernels has."""
    console.print()
    title = f"{len(changes.closed)} closed, {len(changes.opened)} opened"
    console.say(("CVEs in compiled files", "bold"), f": {title}")
    marked = [("-", "green", cve) for cve in changes.closed]
    marked += [("+", "red", cve) for cve in changes.opened]
    for mark, color, cve in marked[:limit]:
        console.say((mark, color), f"  {cve}")
    _print_rest(console, len(marked), limit)


def _table(rows: Iterator[tuple[str, str, str]]) -> Table:
    """One row per property: a mark, its name, and its value, or both values if they differ."""
    table = Table.grid(padding=(0, 2))
    for name, before, after in rows:
        if before == after:
            table.add_row(styled("=", "dim"), name, before)
        else:
            table.add_row(styled("~", "yellow"), name, f"{before} -> {after}")
    return table


def _origin_rows(before: ImageSummary, after: ImageSummary) -> Iterator[tuple[str, str, str]]:
    yield "platform", before.platform, after.platform
    one, two = before.facts, after.facts
    if one and two:
        yield "version", one.version, two.version
        yield "release", one.release, two.release
        yield "source", one.source_digest.short, two.source_digest.short
        yield "builder", one.builder_digest.short, two.builder_digest.short
        yield "config", one.config_digest.short, two.config_digest.short
        yield "recipe", one.recipe_key.short, two.recipe_key.short
    if before.profile and after.profile:
        yield "booted in", _machine(before.profile), _machine(after.profile)


def _machine(profile: Profile) -> str:
    return f"{profile.machine}, {profile.emulator}"


def _sizes_table(before: ImageSummary, after: ImageSummary) -> Table:
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_row("", styled("-", "red"), styled("+", "green"), "", "")
    if before.has_kernel or after.has_kernel:
        table.add_row(*_size_cells("kernel", before.kernel_size, after.kernel_size))
    if before.has_modules or after.has_modules:
        table.add_row(*_size_cells("modules", before.modules_size, after.modules_size))
    table.add_row(*_size_cells("image, compressed", before.size, after.size))
    if before.profile and after.profile:
        one, two = before.profile, after.profile
        table.add_row(*_size_cells("memory, booted", one.memory_used, two.memory_used))
        table.add_row(
            *_size_cells("instructions to init", one.instructions, two.instructions, _count_text)
        )
    return table


def _size_cells(
    name: str,
    before: int | None,
    after: int | None,
    text: Callable[[int], str] = size_text,
) -> list[str]:
    texts = ["?" if size is None else text(size) for size in (before, after)]
    if before is None or after is None:
        return [name, *texts]
    share = f"{100 * (after - before) / before:+.1f}%" if before and after != before else ""
    return [name, *texts, _growth(after - before, text), share]


def _count_text(count: int) -> str:
    """A count in millions."""
    return f"{count / 1e6:,.1f} M"


def _growth(size: int, text: Callable[[int], str] = size_text) -> str:
    return f"{'-' if size < 0 else '+'}{text(abs(size))}" if size else "="


def _print_changes(
    console: Terminal, title: str, changes: Changes | None, limit: int | None
) -> None:
    """Print the size changes, the largest first."""
    if not changes or not changes.all:
        return
    counts = [
        f"{len(some)} {word}"
        for some, word in (
            (changes.gained, "more"),
            (changes.lost, "less"),
            (changes.resized, "resized"),
        )
        if some
    ]
    console.print()
    console.say((title, "bold"), f": {', '.join(counts)}")
    table = Table.grid(padding=(0, 2))
    for column in range(4):
        table.add_column(justify="right" if column else "left", no_wrap=True)
    for change in changes.all[:limit]:
        table.add_row(*_change_cells(change))
    console.print(table)
    _print_rest(console, len(changes.all), limit)


def _change_cells(change: SizeChange) -> list[Text]:
    """A mark, the size before, the size after, the growth if both are known, and the name."""
    name = styled(change.name or _LINKER)
    sizes = [styled("" if n is None else size_text(n)) for n in (change.before, change.after)]
    if change.before is None:
        return [styled("+", "green"), *sizes, styled(""), name]
    if change.after is None:
        return [styled("-", "red"), *sizes, styled(""), name]
    return [styled("~", "yellow"), *sizes, styled(_growth(change.growth)), name]


def _print_rest(console: Terminal, number: int, limit: int | None) -> None:
    if limit is not None and number > limit:
        console.say(f"... and {number - limit:,} more; --all shows them", style="dim")


def _not_compared(before: ImageSummary, after: ImageSummary) -> Iterator[str]:
    """The properties that could not be compared, and why."""
    if before.has_kernel != after.has_kernel:
        yield f"{(after if before.has_kernel else before).name} has no kernel to compare."
    for image in (before, after):
        missing = [
            what
            for what, held, value in (
                ("source and recipe", True, image.facts),
                ("kernel size", image.has_kernel, image.kernel_size),
                ("modules", image.has_modules, image.modules),
                ("config", True, image.config),
                ("size map of the kernel", image.has_kernel, image.size_map),
            )
            if held and value is None
        ]
        if missing:
            why = "an older Ingot made it" if image.facts else "Ingot did not make it"
            yield f"Not known of {image.name}: {', '.join(missing)}; {why}."
