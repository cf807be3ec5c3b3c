"""The list of a builder's packages, one per line, sorted:

    gcc-12:amd64=12.2.0-14+deb12u1

The sha256 of these lines is the builder's digest: the same packages are the same builder, no
matter which machine installed them. For a builder that is not made of packages, a line names one
of its tools instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingot.digest import Digest

_CHANGES_SHOWN = 3
STATUS_FILE = "var/lib/dpkg/status"
"""dpkg's list of installed packages, below the root (dpkg(1), FILES)."""


def read_status(text: str) -> tuple[str, ...]:
    """The packages that dpkg's status file lists as installed (its format: deb-control(5))."""
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
    """The digest of a builder with these packages."""
    return Digest.of(text_of(packages).encode())


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package's versions in two builders; empty where the package is missing."""

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
    """The packages that differ between two builders, by name."""
    old, new = _versions(before), _versions(after)
    return tuple(
        PackageChange(name, old.get(name, ""), new.get(name, ""))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def summary(found: Sequence[PackageChange]) -> str:
    """The first few changes as text, and the number of the others; empty without changes."""
    some = ", ".join(change.text for change in found[:_CHANGES_SHOWN])
    more = f" and {len(found) - _CHANGES_SHOWN} more" if len(found) > _CHANGES_SHOWN else ""
    return f"{some}{more}"


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("=") for line in packages)}
