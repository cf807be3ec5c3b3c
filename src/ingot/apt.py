"""The archives that apt on this machine is configured with.

No mirror's host is written into Ingot: a machine's apt knows the one it is meant to use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ingot.errors import MachineError
from ingot.process import ToolMissingError, run

_FORMAT = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(LABEL)"
_LABELS = ("Debian", "Debian-Security")
_DISTRIBUTIONS = ("Debian", "Ubuntu")
_OPTIONS: tuple[list[str], ...] = ([], ["--no-release-info"])
"""Without downloaded indexes apt lists nothing unless told not to look for them."""
_NEXT = "use `--source PATH`, or run where apt has a Debian archive in its sources"


@dataclass(frozen=True, slots=True)
class _IndexTarget:
    """One line of `apt-get indextargets`. The last two are only known after `apt-get update`."""

    site: str
    release: str
    component: str
    origin: str
    label: str

    @classmethod
    def parse(cls, line: str) -> Self | None:
        fields = line.split("|")
        return cls(*fields) if len(fields) == 5 else None


def configured_mirrors() -> tuple[str, ...]:
    """The base URLs of the Debian archives apt uses, the main one first, security after it.

    Raises MachineError if there is no apt, or none of its sources is a Debian archive.
    """
    for options in _OPTIONS:
        sites = debian_sites(_targets(options))
        if sites:
            return sites
    raise MachineError("apt on this machine uses no Debian archive", hint=_NEXT)


def mirror_of(suite: str) -> str:
    """The base URL of the archive to take a suite's packages from.

    It is the distribution's own that apt has this very suite of, or, since an archive has more
    suites than one, the main Debian one. Raises MachineError if there is neither.
    """
    for target in filter(None, map(_IndexTarget.parse, _targets([]))):
        found = (target.release, target.component) == (suite, "main")
        if found and target.origin in _DISTRIBUTIONS:
            for url in _urls(target.site):
                return url.rstrip("/")
    try:
        return configured_mirrors()[0]
    except MachineError as error:
        raise MachineError(
            f"apt on this machine has no archive for the suite '{suite}'",
            why=error.what,
            hint='name one in the builder\'s table: mirror = "http://...", and its keyring',
        ) from error


def _targets(options: list[str]) -> list[str]:
    try:
        argv = ["apt-get", "indextargets", *options, "--format", _FORMAT]
        return run(argv).output.splitlines()
    except ToolMissingError as error:
        raise MachineError("there is no apt here to take a mirror from", hint=_NEXT) from error


def debian_sites(lines: list[str]) -> tuple[str, ...]:
    """The sites in lines of `apt-get indextargets` that are Debian's own archives.

    They are told by what their Release files say; without these (apt leaves the fields as
    they stand in the format), by their suites: `X` and `X-security` come from Debian only
    together. A wrong guess costs a request: every index is checked against Debian's keys.
    """
    targets = [t for t in map(_IndexTarget.parse, lines) if t and t.component == "main"]
    known = [t for t in targets if t.origin == "Debian" and t.label in _LABELS]
    if not known:
        releases = {t.release.removesuffix("-security") for t in targets if _is_security(t)}
        known = [
            t
            for t in targets
            if t.origin.startswith("$(") and t.release.removesuffix("-security") in releases
        ]
    ordered = sorted(known, key=_is_security)
    urls = [url for target in ordered for url in _urls(target.site)]
    return tuple(dict.fromkeys(url.rstrip("/") for url in urls))


def _is_security(target: _IndexTarget) -> bool:
    return target.label == "Debian-Security" or target.release.endswith("-security")


def _urls(site: str) -> list[str]:
    """The HTTP URLs a site stands for: `mirror+file:` names a list of them (apt-transport-mirror).

    Debian's cloud images are configured so. Other transports are not for us: left out.
    """
    scheme, _, rest = site.partition(":")
    if scheme in ("http", "https"):
        return [site]
    if scheme == "mirror+file" and Path(rest).is_file():
        lines = Path(rest).read_text(encoding="utf-8").splitlines()
        return [line.split()[0] for line in lines if line.startswith(("http://", "https://"))]
    return []
