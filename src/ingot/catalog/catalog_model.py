"""The values of a parsed catalog: kernels, flavors, features, VMMs, builders, origins."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingot.arch import Arch
from ingot.digest import Digest
from ingot.version import KernelVersion, Series

DEFAULT_FLAVOR = "default"
"""The flavor if none is given; tags leave it out."""

PATCHED = "patched"
"""A word in the tag of a kernel with patches that are not the catalog's."""

FROM = "from"
"""The word before the name of a source that is not the catalog's."""


@dataclass(frozen=True, slots=True)
class BuilderSpec:
    """The environment that kernels are compiled in, as the catalog describes it.

    `kind` is one of: `rootfs`, a root filesystem of packages; `container`, the `image` of a
    container `engine` (empty: the first that is installed) with `packages` added; `host`, the
    compiler that is installed on the machine, for which only `llvm` (clang and lld instead of gcc)
    is used. `packages` are requested by name; `packages_on` adds more, by the arch of the machine
    that compiles. `mirror` is the base URL of the archive of `suite` and `more_suites`, empty for
    the one apt is configured with; `keyring` must have signed the archive, empty for the keys apt
    trusts. A `locked` builder is refused if its packages are not those in its lock file.
    """

    name: str
    suite: str = ""
    packages: tuple[str, ...] = ()
    kind: str = "rootfs"
    packages_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    more_suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ("main",)
    mirror: str = ""
    keyring: str = ""
    llvm: bool = False
    locked: bool = False
    image: str = ""
    engine: str = ""

    def packages_for(self, host: Arch) -> tuple[str, ...]:
        """The packages requested on a machine of the arch `host`, sorted."""
        return tuple(sorted({*self.packages, *self.packages_on.get(host.name, ())}))


@dataclass(frozen=True, slots=True)
class GitTags:
    """A repository whose tags are releases, signed by a key in `keyring`.

    `tag` is the name of a version's tag, with {version} for the version.
    """

    repository: str
    keyring: Path
    tag: str = "v{version}"


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of sources, in the order they are tried, and their settings.

    `debian_suites` are the suites to search. `kernel_org_mirror`, if not empty, is used instead
    of kernel.org.
    """

    order: tuple[str, ...]
    debian_suites: tuple[str, ...]
    kernel_org_mirror: str = ""
    git: GitTags | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a workload needs: the fragment `feature/<name>`.

    `needs` are the features that it requires; `since` is the first series that has it and all it
    needs, None if every series has.
    """

    name: str
    about: str
    needs: tuple[str, ...]
    since: Series | None

    def available_in(self, series: Series) -> bool:
        return self.since is None or self.since <= series


@dataclass(frozen=True, slots=True)
class Vmm:
    """A virtual machine monitor: the fragment `vmm/<name>`.

    `experimental` are the arches that its developers call so; `since` is the first series it
    boots on an arch, if it does not boot all; `arches` are those it boots, empty for all.
    """

    name: str
    about: str
    experimental: tuple[str, ...]
    since: Mapping[str, Series] = field(hash=False)
    arches: tuple[str, ...] = ()

    def boots(self, series: Series, arch: Arch) -> bool:
        return not self.limit(series, arch)

    def limit(self, series: Series, arch: Arch) -> str:
        """Which kernels it boots, if it does not boot those of a series on an arch; else empty."""
        if self.arches and arch.name not in self.arches:
            return f"kernels of {' and '.join(self.arches)} only"
        since = self.since.get(arch.name, series)
        return f"{since} and later" if series < since else ""


@dataclass(frozen=True, slots=True)
class Flavor:
    """A named set of VMMs and features; `monolithic` builds modules into the kernel."""

    name: str
    vmms: tuple[str, ...]
    features: tuple[str, ...]
    monolithic: bool
    about: str


def fragments_for(arch: Arch, vmms: Iterable[str], features: Iterable[str]) -> tuple[str, ...]:
    """The fragments of kernels for an arch, these VMMs and these features, in merge order."""
    return (
        "base/linux",
        f"base/{arch.name}",
        *(f"vmm/{name}" for name in vmms),
        *(f"feature/{name}" for name in features),
    )


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel of the catalog: a version, for an arch, in a flavor.

    `flavor` has only the features and VMMs that the series can have on the arch. `patched` means
    that patches are applied that are not in the catalog; `own_source` is the name of a source that
    is not the catalog's (`source.source_name`), one word without hyphens. `pins` maps an origin to
    the digest its source must have; `support` maps a VMM to its first release that officially
    supports the series, and `support_ends` to the last day for which its developers guarantee that,
    if they name one; `experimental` are the VMMs that call the arch experimental. `primary`
    means that the arch is the first of the series' arches, which is used if none is given.
    """

    version: KernelVersion
    arch: Arch
    flavor: Flavor
    builder: BuilderSpec
    pins: Mapping[str, Digest] = field(hash=False)
    end_of_life: datetime.date | None
    support: Mapping[str, str] = field(hash=False)
    experimental: tuple[str, ...]
    primary: bool
    patched: bool = False
    own_source: str = ""
    support_ends: Mapping[str, datetime.date] = field(default_factory=dict, hash=False)

    @property
    def vmms(self) -> tuple[str, ...]:
        return self.flavor.vmms

    @property
    def features(self) -> tuple[str, ...]:
        return self.flavor.features

    @property
    def fragments(self) -> tuple[str, ...]:
        """The names of its fragments, below `fragments/` and without `.config`."""
        return fragments_for(self.arch, self.vmms, self.features)

    @property
    def tag(self) -> str:
        """The tag of its images: `6.1.176`, `6.1.176-minimal`, `6.1.176-arm64`.

        An arch has the kernel's name for it, as in tags of registries and names of configs. The
        default flavor and the primary arch are left out. `from-NAME` and `patched` follow the
        flavor, so that a kernel of another source, or with another patch, never gets the tag of
        the catalog's own kernel.
        `Catalog.select` accepts a tag as the name of a kernel.
        """
        words = [str(self.version)]
        if self.flavor.name != DEFAULT_FLAVOR:
            words.append(self.flavor.name)
        if self.own_source:
            words += [FROM, self.own_source]
        if self.patched:
            words.append(PATCHED)
        if not self.primary:
            words.append(self.arch.name)
        return "-".join(words)

    def ended(self, today: datetime.date) -> bool:
        """Whether its series is no longer maintained."""
        return self.end_of_life is not None and self.end_of_life < today

    def supported(self, vmm: str, today: datetime.date) -> bool:
        """Whether a VMM's developers officially support the series on that day.

        They do until they end it, if no last day is known.
        """
        end = self.support_ends.get(vmm)
        return vmm in self.support and (end is None or today <= end)
