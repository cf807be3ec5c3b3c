"""What a builder is made of, one package a line, sorted:

    gcc-12:amd64=12.2.0-14+deb12u1

The sha256 of these lines is the builder's digest: the same packages are the same builder, on
whichever machine they were put together. For a builder that is no set of packages, a line names
one of its tools instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingot.digest import Digest

_CHANGES_TOLD = 3
STATUS_FILE = "var/lib/dpkg/status"
"""Where dpkg keeps what is installed, below the root (dpkg(1), FILES)."""


def read_status(text: str) -> tuple[str, ...]:
    """The packages that dpkg's status file lists as installed (deb-control(5) has its form)."""
    found = []
    for stanza in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " "
        )
        if fields.get("Status", "").endswith(" installed"):
            name, arch, version = (fields[key] for key in ("Package", "Architecture", "Version"))
            found.append(f"{name}:{arch}={version}")
    return tuple(sorted(found))


def text_of(packages: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in packages)


def digest_of(packages: Iterable[str]) -> Digest:
    """The digest of a builder that is made of these."""
    return Digest.of(text_of(packages).encode())


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One package of two builders: its version in each, empty where it is not there."""

    name: str
    before: str
    after: str

    @property
    def text(self) -> str:
        if not self.before:
            return f"{self.name} {self.after} is new"
        if not self.after:
            return f"{self.name} {self.before} is gone"
        return f"{self.name} {self.before} -> {self.after}"


def changes(before: Sequence[str], after: Sequence[str]) -> tuple[PackageChange, ...]:
    """What is different between two builders, by name."""
    old, new = _versions(before), _versions(after)
    return tuple(
        PackageChange(name, old.get(name, ""), new.get(name, ""))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def summary(found: Sequence[PackageChange]) -> str:
    """The first few of some changes in words, and how many more there are; empty without any."""
    some = ", ".join(change.text for change in found[:_CHANGES_TOLD])
    more = f" and {len(found) - _CHANGES_TOLD} more" if len(found) > _CHANGES_TOLD else ""
    return f"{some}{more}"


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("=") for line in packages)}
