"""kernel.org's list of releases: https://www.kernel.org/releases.json.

It has the newest release of each maintained series, and of some series that have ended. The file is
not signed: a malicious server can only decide which releases are tried and which series count as
ended. The sources themselves are verified as usual.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ingot.errors import MachineError, UserError
from ingot.progress import Progress
from ingot.source.origin import Origin
from ingot.source.releases import Release
from ingot.version import KernelVersion, Series

_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest release of a series, and whether the series has ended.

    `moniker` is `mainline`, `stable` or `longterm`; `released` is the day of the release.
    """

    version: KernelVersion
    moniker: str
    end_of_life: bool
    released: datetime.date | None


@dataclass(frozen=True, slots=True)
class KernelOrgList:
    """The list below `base_url`, of the releases that `origin` has. HTTPS, unless `base_url` is
    HTTP."""

    origin: Origin
    base_url: str = "https://www.kernel.org"
    tells_ends: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.origin.name

    def listed(self, downloads: Path, progress: Progress) -> tuple[Release, ...]:
        """See Index.listed. Raises MachineError if the list is missing or invalid."""
        del downloads, progress  # the list is small: it is not kept, and needs no progress
        from ingot.source.transfer.http import fetch_bytes  # late: it loads requests

        url = f"{self.base_url}/releases.json"
        secure = not self.base_url.startswith("http:")
        return tuple(
            Release(row.version, (self.origin,), row.end_of_life, row.released, row.moniker)
            for row in parse(fetch_bytes(url, _LIMIT, https_only=secure), url)
        )


class _StrictTable(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class _ReleaseDate(_StrictTable):
    isodate: datetime.date


class _ReleaseDocument(_StrictTable):
    version: str
    moniker: str
    iseol: bool
    released: _ReleaseDate | None = None


class _ReleasesDocument(_StrictTable):
    releases: tuple[_ReleaseDocument, ...]


def parse(data: bytes, where: str) -> tuple[Newest, ...]:
    """The newest release of each series in a releases.json, the newest series first.

    Release candidates and linux-next are left out. `where` names the file in the MachineError
    for one that is not of this form.
    """
    try:
        document = _ReleasesDocument.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise MachineError(
            "the list of releases cannot be read",
            why=": ".join(part for part in (where, place, first["msg"]) if part),
            hint="try again later; a full version, such as 6.1.176, needs no list",
        ) from None
    newest: dict[Series, Newest] = {}
    for row in sorted(filter(None, map(_newest, document.releases)), key=lambda row: row.version):
        newest[row.version.series] = row
    return tuple(reversed(newest.values()))


def _newest(row: _ReleaseDocument) -> Newest | None:
    """The values of a row; None if it is not a release, such as 7.3-rc7 or next-20260801."""
    try:
        version = KernelVersion.parse(row.version)
    except UserError:
        return None
    if version.candidate:
        return None
    released = row.released.isodate if row.released else None
    return Newest(version, row.moniker, row.iseol, released)
