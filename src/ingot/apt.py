"""The package archives that apt is configured with on this machine.

Ingot contains no host name of a mirror: apt's configuration names the one to use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ingot.errors import OWN_SOURCE, MachineError
from ingot.process import ToolMissingError, run

_FORMAT = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(LABEL)"
_LABELS = ("Debian", "Debian-Security")
_DISTRIBUTIONS = ("Debian", "Ubuntu")
_OPTIONS: tuple[list[str], ...] = ([], ["--no-release-info"])
"""Without downloaded indexes apt lists nothing, unless `--no-release-info` is given."""
_NEXT = f"run on a machine that has a Debian archive in apt's sources, or {OWN_SOURCE}"


@dataclass(frozen=True, slots=True)
class _IndexTarget:
    """One line of `apt-get indextargets`. Origin and label are only known after an update."""

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
    """The base URLs of the Debian archives that apt uses: the main ones first, then security.

    Raises MachineError if apt is missing, or if none of its sources is a Debian archive.
    """
    for options in _OPTIONS:
        sites = debian_sites(_targets(options))
        if sites:
            return sites
    raise MachineError("apt on this machine is not configured with a Debian archive", hint=_NEXT)


def mirror_of(suite: str) -> str:
    """The base URL of the archive to download a suite's packages from.

    This is an archive of Debian or Ubuntu from which apt uses exactly this suite, or else the
    main Debian archive, since an archive has several suites. Raises MachineError if apt is
    configured with neither.
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
            f"apt on this machine is not configured with an archive of the suite '{suite}'",
            why=error.what,
            hint='set `mirror = "http://..."` and its `keyring` in the builder\'s table',
        ) from error


def _targets(options: list[str]) -> list[str]:
    try:
        argv = ["apt-get", "indextargets", *options, "--format", _FORMAT]
        return run(argv).output.splitlines()
    except ToolMissingError as error:
        raise MachineError(
            "no mirror is known: apt is not installed on this machine", hint=_NEXT
        ) from error


def debian_sites(lines: list[str]) -> tuple[str, ...]:
    """The sites in lines of `apt-get indextargets` that are Debian's own archives.

    They are recognized by origin and label in their Release files. Where these are not downloaded
    yet (apt then prints the format's fields unchanged), they are recognized by their suites: only
    Debian has both `X` and `X-security`. A wrong guess costs one request: every index is checked
    against Debian's keys.
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
    """The HTTP URLs of a site: `mirror+file:` names a file with a list (apt-transport-mirror).

    Debian's cloud images are configured like this. Other transports are not supported.
    """
    scheme, _, rest = site.partition(":")
    if scheme in ("http", "https"):
        return [site]
    if scheme == "mirror+file" and Path(rest).is_file():
        lines = Path(rest).read_text(encoding="utf-8").splitlines()
        return [line.split()[0] for line in lines if line.startswith(("http://", "https://"))]
    return []
