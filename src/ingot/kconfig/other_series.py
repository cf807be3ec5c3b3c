"""What the catalog, and the trees at hand, know about an option in other series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingot.kconfig.fragment import OptionRequest
from ingot.kconfig.option_table import OptionTable
from ingot.version import Series

_LAST_MINOR = {4: 20, 5: 19, 6: 19}
"""The last series of a major version, for those that have ended (kernel.org)."""
_LINES_NEAR = 40


@dataclass(frozen=True, slots=True)
class OtherSeries:
    """Options in other series than `series`, on one arch.

    `requests` are those of all fragments of the catalog, in their order and for any series;
    `tables` reads the option tables of other series that this machine has.
    """

    series: Series
    requests: Sequence[OptionRequest] = ()
    tables: Callable[[], Mapping[Series, OptionTable]] = dict

    def advice(self, request: OptionRequest, table: OptionTable) -> tuple[str, ...]:
        """How to limit a line whose option the series does not have, and its name there."""
        older, newer = self._last_before(request), self._first_after(request)
        lines = list(self._new_name(request, table))
        if newer:
            lines.append(f"{newer} has it: limit the line: '{limited(request, since=newer)}'")
        if older:
            lines.append(f"{older} has it: limit the line: '{limited(request, until=older)}'")
        if lines:
            return tuple(lines)
        after, before = following(self.series), preceding(self.series)
        return (
            f"if newer series have it, limit the line: '{limited(request, since=after)}'; if older"
            f" ones have it: '{limited(request, until=before)}'",
        )

    def _last_before(self, request: OptionRequest) -> Series | None:
        """The last series before this one that is known to have the option."""
        bounds = [each.until for each in self._others(request) if each.until]
        known = [*bounds, *self._having(request)]
        return max((each for each in known if each < self.series), default=None)

    def _first_after(self, request: OptionRequest) -> Series | None:
        bounds = [each.since for each in self._others(request) if each.since]
        known = [*bounds, *self._having(request)]
        return min((each for each in known if each > self.series), default=None)

    def _others(self, request: OptionRequest) -> Iterator[OptionRequest]:
        """Other lines of the catalog for the option."""
        for each in self.requests:
            if each.option == request.option and each.place != request.place:
                yield each

    def _having(self, request: OptionRequest) -> list[Series]:
        return [each for each, table in self.tables().items() if request.option in table.options]

    def _new_name(self, request: OptionRequest, table: OptionTable) -> Iterator[str]:
        """The option that replaced it, if the catalog has lines for both."""
        for old in self._others(request):
            if old.until is None or not old.until < self.series:
                continue
            if heir := _heir(request.option, [*self._successors(old, table)]):
                new = f"since {heir.since} it is {heir.option} ({heir.place})"
                yield f"{new}: request CONFIG_{heir.option}"
                return

    def _successors(self, old: OptionRequest, table: OptionTable) -> Iterator[OptionRequest]:
        """The lines below one of the same fragment that begin where it ends, with its value."""
        assert old.until
        for each in self.requests:
            below = each.place.line - old.place.line
            if (
                each.place.fragment == old.place.fragment
                and 0 < below <= _LINES_NEAR
                and each.since == following(old.until)
                and each.value == old.value
                and each.option in table.options
            ):
                yield each


def _heir(name: str, successors: Sequence[OptionRequest]) -> OptionRequest | None:
    """The one that a renamed option became: the only one, or the one with its words in the name."""
    if len({each.option for each in successors}) == 1:
        return successors[0]
    words = set(name.split("_"))
    near = [each for each in successors if words <= set(each.option.split("_"))]
    return near[0] if len(near) == 1 else None


def limited(
    request: OptionRequest, *, since: Series | None = None, until: Series | None = None
) -> str:
    """The comment of a line with another limit."""
    parts = {
        "on": request.arch,
        "since": since or request.since,
        "until": until or request.until,
        "unless": request.unless,
        "instead of": request.instead_of,
    }
    return "# " + " ".join(f"{word} {value}" for word, value in parts.items() if value)


def following(series: Series) -> Series:
    """The series after another one."""
    if series.minor == _LAST_MINOR.get(series.major):
        return Series(series.major + 1, 0)
    return Series(series.major, series.minor + 1)


def preceding(series: Series) -> Series:
    """The series before another one."""
    if series.minor:
        return Series(series.major, series.minor - 1)
    return Series(series.major - 1, _LAST_MINOR.get(series.major - 1, 19))
