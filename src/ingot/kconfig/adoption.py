"""From a full config of another author to a page of intent: what it asks for beyond a catalog.

intent          the options that somebody must have chosen; all others follow from them
coverage        how much of a feature or VMM of the catalog a config has
adopted_lines   what is left, as lines of a new fragment
fragment_text   these lines with comments, by menu
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingot.kconfig.config import Config
from ingot.kconfig.expression import evaluate
from ingot.kconfig.fragment import OptionRequest
from ingot.kconfig.option_requests import requests_between
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.unmet_dependencies import shortened
from ingot.kconfig.values import serves

_NEARLY = 0.8
"""The part of a feature's options that a config must have for the feature to be taken."""
_WIDTH = 96
_ELSEWHERE = "Other"
_NO_GUEST = (
    "sound", "drivers/gpu", "drivers/media", "drivers/video", "drivers/usb", "drivers/hid",
    "drivers/bluetooth", "net/bluetooth", "net/nfc", "drivers/nfc", "drivers/net/wireless",
    "net/wireless", "net/mac80211", "drivers/net/ethernet", "drivers/net/phy", "drivers/net/wan",
    "drivers/net/can", "net/can", "net/ax25", "net/appletalk", "net/x25", "drivers/infiniband",
    "drivers/ata", "drivers/mmc", "drivers/mtd", "drivers/memstick", "drivers/firewire",
    "drivers/pcmcia", "drivers/parport", "drivers/hwmon", "drivers/i2c", "drivers/spi",
    "drivers/iio", "drivers/leds", "drivers/staging", "drivers/platform", "drivers/thermal",
    "drivers/power", "drivers/regulator", "drivers/mfd", "drivers/pinctrl", "drivers/gpio",
    "drivers/edac", "drivers/cpufreq", "drivers/isdn", "drivers/macintosh", "drivers/accessibility",
    "drivers/input/mouse", "drivers/input/joystick", "drivers/input/tablet",
    "drivers/input/touchscreen", "drivers/input/misc", "drivers/message", "drivers/soundwire",
    "drivers/xen", "arch/x86/xen", "drivers/hv", "fs/adfs", "fs/affs", "fs/befs", "fs/bfs",
    "fs/efs", "fs/freevxfs", "fs/gfs2", "fs/hfs", "fs/hfsplus", "fs/hpfs", "fs/jffs2", "fs/jfs",
    "fs/minix", "fs/nilfs2", "fs/ntfs", "fs/ntfs3", "fs/ocfs2", "fs/omfs", "fs/qnx4", "fs/qnx6",
    "fs/reiserfs", "fs/romfs", "fs/sysv", "fs/ubifs", "fs/ufs", "fs/coda", "fs/afs", "fs/orangefs",
)  # fmt: skip
"""Directories of the kernel for hardware that no VMM of microVMs has, and for file systems that
their guests do not mount."""


_FILES = frozenset(
    {"INITRAMFS_SOURCE", "SYSTEM_TRUSTED_KEYS", "SYSTEM_REVOCATION_KEYS", "EXTRA_FIRMWARE"}
)
"""Options whose values are paths of files that the compile reads."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a fragment a config has: of `asked` options, all but `missing`."""

    name: str
    asked: int
    missing: tuple[OptionRequest, ...]

    @property
    def whole(self) -> bool:
        return not self.missing

    @property
    def taken(self) -> bool:
        """Whether the config has so much of it that the fragment is what was meant."""
        return self.asked > 0 and self.asked - len(self.missing) >= _NEARLY * self.asked


@dataclass(frozen=True, slots=True)
class AdoptedLine:
    """One line of the new fragment; `instead_of` is the fragment whose line it overrides."""

    option: str
    value: str
    instead_of: str = ""

    def text(self, arch: str) -> str:
        """The line; `arch` is the only one that has the option, or empty."""
        bounds = {"on": arch, "instead of": self.instead_of}
        comment = " ".join(f"{word} {value}" for word, value in bounds.items() if value)
        return f"CONFIG_{self.option}={self.value}" + (f"  # {comment}" if comment else "")


@dataclass(frozen=True, slots=True)
class Adopted:
    """What is left of a config beyond the catalog: the lines, and what is left out and why."""

    lines: tuple[AdoptedLine, ...]
    left_out: Mapping[str, str]

    def without(self, reasons: Mapping[str, str]) -> Adopted:
        """The same without the lines for some options."""
        kept = tuple(line for line in self.lines if line.option not in reasons)
        return Adopted(kept, {**self.left_out, **reasons})

    def plus(self, lines: Iterable[AdoptedLine]) -> Adopted:
        """The same with more lines."""
        return Adopted((*self.lines, *lines), self.left_out)


def intent(completed: Config, table: OptionTable) -> dict[str, str]:
    """Option -> value of what must be requested to get the config that Kconfig completed.

    The catalog's base has EXPERT, which shows prompts and ends their defaults: an option that is on
    by default behind such a prompt must be requested as well.
    """
    expert = Config(f"{completed.text}\nCONFIG_EXPERT=y\n")
    chosen = requests_between(Config(""), expert, table)
    return {
        option: value
        for option, value in chosen.items()
        if value not in ("n", '""') and completed.value(option) == value
    }


def coverage(name: str, requests: Mapping[str, OptionRequest], completed: Config) -> Coverage:
    """How much of the fragment `name` the config has; lines that ask for nothing do not count."""
    asked = [each for each in requests.values() if each.value in ("y", "m")]
    missing = [each for each in asked if completed.value(each.option) == "n"]
    return Coverage(name, len(asked), tuple(missing))


def adopted_lines(
    wanted: Mapping[str, str],
    completed: Config,
    requests: Mapping[str, OptionRequest],
    table: OptionTable,
) -> Adopted:
    """What the catalog's `requests` do not ask for of the options that are wanted.

    An option that its author could not see is on by default: an `n` of base keeps it off.
    """
    lines: list[AdoptedLine] = []
    left_out: dict[str, str] = {}
    for name, value in wanted.items():
        option, request = table.options[name], requests.get(name)
        if request and serves(value, request.value):
            continue
        hidden = evaluate(option.visible, completed.options) == "n"
        if hidden and request and request.of_base and request.value == "n":
            left_out[name] = f"it was on by default, and {request.place.fragment} has it off"
            continue
        if name in _FILES:
            left_out[name] = "it names a file of another machine"
            continue
        if request is None and is_for_no_guest(option):
            left_out[name] = "no VMM has such hardware, or no guest such a file system"
            continue
        lines += _rivals(option, requests)
        lines.append(AdoptedLine(name, value, _overridden(request, value)))
    distinct = {line.option: line for line in lines}
    return Adopted(tuple(distinct.values()), left_out)


def lost_lines(
    completed: Config,
    result: Config,
    requests: Mapping[str, OptionRequest],
    adopted: Adopted,
    table: OptionTable,
) -> tuple[AdoptedLine, ...]:
    """Lines for what the config has by a default that does not apply in the result."""
    return tuple(
        AdoptedLine(name, value)
        for name, value in completed.options.items()
        if value in ("y", "m")
        and result.value(name) == "n"
        and name not in requests
        and name not in adopted.left_out
        and (option := table.options.get(name))
        and option.prompts
        and not any(result.value(member) == "y" for member in option.choice)
        and evaluate(option.visible, result.options) != "n"
        and not is_for_no_guest(option)
    )


def _overridden(request: OptionRequest | None, value: str) -> str:
    """The fragment whose line has to give way; an `m`, and an `n` of base, do by themselves."""
    yields = request and request.of_base and request.value == "n"
    if request is None or yields or serves(request.value, value):
        return ""
    return request.place.fragment.removesuffix(".config")


def _rivals(option: Option, requests: Mapping[str, OptionRequest]) -> Iterator[AdoptedLine]:
    """Lines for the other members of a choice that the catalog requests."""
    for member in option.choice:
        request = requests.get(member)
        if member != option.name and request and request.value == "y":
            yield AdoptedLine(member, "n", request.place.fragment.removesuffix(".config"))


def is_for_no_guest(option: Option) -> bool:
    """Whether an option is for hardware or file systems that guests of microVMs do not have."""
    directories = [place.rpartition(":")[0].rpartition("/")[0] for place in option.places]
    return bool(directories) and all(
        any(f"{directory}/".startswith(f"{each}/") for each in _NO_GUEST)
        for directory in directories
    )


def fragment_text(title: str, adopted: Adopted, table: OptionTable, arch: str) -> str:
    """The fragment: its lines by menu, each option with the first line of its help.

    `arch` is the kernel's name of the table's arch: options that only it has are limited to it.
    """
    blocks = [f"# Feature: {title}\n"]
    for menu, lines in _by_menu(adopted.lines, table):
        blocks.append(
            "".join([f"# {menu}.\n\n", *(_with_help(line, table, arch) for line in lines)])
        )
    if adopted.left_out:
        blocks.append("".join(_left_out(adopted.left_out)))
    return "\n".join(blocks)


def _by_menu(
    lines: Iterable[AdoptedLine], table: OptionTable
) -> Iterator[tuple[str, list[AdoptedLine]]]:
    groups: dict[str, list[AdoptedLine]] = {}
    for line in lines:
        menu = " > ".join(table.options[line.option].menu[:2]) or _ELSEWHERE
        groups.setdefault(menu, []).append(line)
    yield from sorted(groups.items())


def _with_help(line: AdoptedLine, table: OptionTable, arch: str) -> str:
    option = table.options[line.option]
    text = line.text(arch if all(each.startswith("arch/") for each in option.places) else "")
    about = option.prompts[0] if option.prompts else ""
    first = next((text.strip() for text in option.help.splitlines() if text.strip()), "")
    help_text = shortened(f"{about}: {first}" if about and first else about or first, _WIDTH)
    return f"# {help_text}\n{text}\n" if help_text else f"{text}\n"


def _left_out(reasons: Mapping[str, str]) -> Iterator[str]:
    """What the config has and the fragment has not, as comments, by the reason."""
    by_reason: dict[str, list[str]] = {}
    for option, reason in reasons.items():
        by_reason.setdefault(reason, []).append(option)
    for reason, options in by_reason.items():
        yield f"# Left out: {reason}:\n"
        yield from (f"#   {option}\n" for option in sorted(options))


@dataclass(frozen=True, slots=True)
class Explained:
    """An option that the adopted kernel has differently, and why."""

    option: str
    before: str
    after: str
    reason: str


def explained_difference(
    before: Config,
    after: Config,
    requests: Mapping[str, OptionRequest],
    adopted: Adopted,
    table: OptionTable,
) -> tuple[Explained, ...]:
    """Every option that differs between the config and what was adopted of it, with the reason."""
    names = sorted({*before.options, *after.options})
    return tuple(
        Explained(
            name,
            before.value(name),
            after.value(name),
            _reason(name, after, requests, adopted, table),
        )
        for name in names
        if before.value(name) != after.value(name)
    )


def _reason(
    name: str,
    after: Config,
    requests: Mapping[str, OptionRequest],
    adopted: Adopted,
    table: OptionTable,
) -> str:
    if name in adopted.left_out:
        return f"left out: {adopted.left_out[name]}"
    if request := requests.get(name):
        return f"{request.place.fragment} requests {request.value}"
    option = table.options.get(name)
    if option is None or not option.prompts:
        return "it has no prompt, and follows from others"
    if after.value(name) == "n":
        return "it follows from options that are left out, or that the catalog has differently"
    return "Kconfig's default, or another option selects it"
