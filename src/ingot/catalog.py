"""The catalog: the folder `kernels/`, which says what this repository builds.

    kernels/
      kernels.toml                     series, versions, builders, origins, digests of sources
      fragments/base/linux.config      any Linux guest
      fragments/base/<arch>.config     what an architecture adds
      fragments/vmm/<name>.config      what a VMM needs
      fragments/feature/<name>.config  what a workload needs
      patches/<series>/*.patch         applied to that series in the order of their names
      keyrings/                        whose signatures on sources are trusted

The file is parsed once, here, into the frozen values below.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingot import kconfig
from ingot.arch import Arch, arch
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.version import KernelVersion, Series

FILE_NAME = "kernels.toml"


@dataclass(frozen=True, slots=True)
class BuilderSpec:
    """What a builder is made of: a Debian suite and the packages asked for by name."""

    name: str
    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    """Where sources are looked for: origin names in order, and the Debian suites to search."""

    order: tuple[str, ...]
    debian_suites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel the catalog offers.

    `fragments` are names below `fragments/`, without `.config`; `pins` maps an origin to the
    digest its source must have.
    """

    version: KernelVersion
    arch: Arch
    builder: BuilderSpec
    vmms: tuple[str, ...]
    features: tuple[str, ...]
    pins: Mapping[str, Digest] = field(hash=False)
    end_of_life: datetime.date | None

    @property
    def fragments(self) -> tuple[str, ...]:
        return (
            "base/linux",
            f"base/{self.arch.name}",
            *(f"vmm/{name}" for name in self.vmms),
            *(f"feature/{name}" for name in self.features),
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog folder, read. `kernels` are sorted by version."""

    root: Path
    kernels: tuple[Kernel, ...]
    origins: Origins

    @property
    def store(self) -> Path:
        """Where the images go: an OCI layout beside the catalog."""
        return self.root.parent / "images"

    @property
    def keyring(self) -> Path:
        """The keys that sign kernel.org releases."""
        return self.root / "keyrings" / "kernel.org.gpg"

    def select(self, names: Sequence[str]) -> list[Kernel]:
        """The kernels that versions (`6.1.176`) or series (`6.1`: its newest) name.

        No names: the newest of every series. An unknown name is a UserError that lists
        the known ones. Each kernel comes once, in the order asked for.
        """
        newest = {kernel.version.series: kernel for kernel in self.kernels}
        if not names:
            return list(newest.values())
        # a .0 release is written like its series, and the series is what is meant
        known = {str(kernel.version): kernel for kernel in self.kernels} | {
            str(series): kernel for series, kernel in newest.items()
        }
        if unknown := [name for name in names if name not in known]:
            versions = ", ".join(str(kernel.version) for kernel in self.kernels)
            raise UserError(
                f"the catalog has no kernel {', '.join(unknown)}",
                why=f"it knows {versions} (a series such as"
                f" {self.kernels[-1].version.series} means its newest)",
                hint=f"add a version to {self.root / FILE_NAME} to build it",
            )
        wanted = dict.fromkeys(known[name].version for name in names)
        return [
            kernel for version in wanted for kernel in self.kernels if kernel.version == version
        ]

    def requests(self, kernel: Kernel) -> dict[str, kconfig.Request]:
        """All that the kernel's fragments ask for, merged."""
        fragments = (
            kconfig.load_fragment(self.root / "fragments" / f"{name}.config", f"{name}.config")
            for name in kernel.fragments
        )
        return kconfig.merge(
            (request for fragment in fragments for request in fragment), kernel.version.series
        )

    def patches(self, kernel: Kernel) -> tuple[Path, ...]:
        """The patch files for the kernel, in the order they are applied."""
        return tuple(sorted((self.root / "patches" / str(kernel.version.series)).glob("*.patch")))


def load(root: Path) -> Catalog:
    """Read the catalog folder `root`; every mistake in it is one line of a UserError."""
    path = root / FILE_NAME
    document = _read(path)
    kernels: list[Kernel] = []
    mistakes: list[str] = []
    for name, series in document.series.items():
        try:
            kernels += _kernels(document, name, series)
        except UserError as error:
            mistakes.append(f"series.{name}: {error}")
    if mistakes:
        raise UserError(f"{path} has mistakes", why="\n".join(mistakes))
    if not kernels:
        raise UserError(f"{path} names no kernel", hint='add a [series."6.1".versions."6.1.176"]')
    return Catalog(
        root,
        tuple(sorted(kernels, key=lambda kernel: (kernel.version, kernel.arch.name))),
        Origins(tuple(document.origins.order), tuple(document.origins.debian_suites)),
    )


def _read(path: Path) -> _Document:
    """The file as it is written; UserError if it is not there or not of the right form."""
    try:
        return _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"there is no catalog in {path.parent}",
            why=f"{path.name} is missing",
            hint="run Ingot in a checkout of the project, or name a catalog with --catalog",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read", why=str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML", why=str(error)) from None
    except ValidationError as error:
        raise UserError(f"{path} has mistakes", why=_explain(error)) from None


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Defaults(_Table):
    builder: _Name
    arches: list[str] = Field(min_length=1)
    vmms: list[_Name] = Field(min_length=1)
    features: list[_Name] = []


class _Origins(_Table):
    order: list[_Name] = Field(min_length=1)
    debian_suites: list[_Name] = []


class _Builder(_Table):
    suite: _Name
    packages: list[_Name] = Field(min_length=1)


class _Version(_Table):
    sha256: dict[_Name, _Sha256] = {}


class _Series(_Table):
    end_of_life: datetime.date | None = None
    builder: _Name | None = None
    arches: list[str] | None = Field(None, min_length=1)
    vmms: list[_Name] | None = Field(None, min_length=1)
    features: list[_Name] | None = None
    versions: dict[str, _Version] = Field(min_length=1)


class _Document(_Table):
    defaults: _Defaults
    origins: _Origins
    builders: dict[_Name, _Builder]
    series: dict[str, _Series]


def _kernels(document: _Document, name: str, series: _Series) -> list[Kernel]:
    """The kernels of one series table, with the defaults filled in."""
    defaults = document.defaults
    parsed = Series.parse(name)
    builder = _builder(document, series.builder or defaults.builder)
    return [
        Kernel(
            version=_version(text, parsed),
            arch=arch(arch_name),
            builder=builder,
            vmms=tuple(series.vmms or defaults.vmms),
            features=tuple(defaults.features if series.features is None else series.features),
            pins=_pins(document, text, table),
            end_of_life=series.end_of_life,
        )
        for text, table in series.versions.items()
        for arch_name in series.arches or defaults.arches
    ]


def _version(text: str, series: Series) -> KernelVersion:
    version = KernelVersion.parse(text)
    if version.series != series:
        raise UserError(f"version {text} stands in series {series}")
    return version


def _pins(document: _Document, version: str, table: _Version) -> dict[str, Digest]:
    """The pinned digests by origin. A pin that no origin is checked against is a mistake."""
    order = document.origins.order
    if unused := [origin for origin in table.sha256 if origin not in order]:
        raise UserError(
            f"version {version} pins a digest for {', '.join(unused)}",
            why=f"the origins are {', '.join(order)}",
        )
    return {origin: Digest(pin) for origin, pin in table.sha256.items()}


def _builder(document: _Document, name: str) -> BuilderSpec:
    if name not in document.builders:
        raise UserError(
            f"there is no builder '{name}'",
            why=f"known: {', '.join(document.builders)}",
        )
    table = document.builders[name]
    return BuilderSpec(name, table.suite, tuple(sorted(set(table.packages))))


def _explain(error: ValidationError) -> str:
    """Pydantic's findings, a line each: where it is, and what is wrong."""
    return "\n".join(
        f"{'.'.join(str(part) for part in finding['loc'])}: {finding['msg']}"
        for finding in error.errors()
    )
