"""The schema of `kernels.toml`: its tables and keys, and what they mean.

The models below are the only description of the schema: the JSON Schema for editors is generated
from them. They check each table by itself; `catalog_checks` checks whether the tables agree.
"""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from ingot.catalog.builder_tables import BUILDER_TABLES, AnyBuilderTable, RootfsBuilderTable
from ingot.catalog.value_patterns import (
    PATCH,
    PATTERNS,
    REPOSITORY,
    TAG,
    Amount,
    Arches,
    FilePath,
    Line,
    Name,
    Names,
    Once,
    OptionName,
    Release,
    SeriesKey,
    SeriesName,
    Sha256,
    SomeArches,
    SomeNames,
    Url,
    VersionKey,
    VersionName,
    Words,
    unique,
)
from ingot.toml import FileForm, TomlTable

SCHEMA_NAME = "kernels.schema.json"


class Defaults(TomlTable):
    """The values for every series whose own table has no other."""

    builder: Name = Field(description="The name of a [builders] table.")
    arches: SomeArches = Field(
        description="The architectures to build for, by the kernel's names for them. The first is"
        " the primary one: its images have no arch in their tags."
    )
    flavors: SomeNames = Field(
        ["default"], description="The flavors to build of every kernel, 'default' first."
    )
    strict: bool = Field(
        False, description="Treat every warning about a config as an error, as --strict does."
    )


class GitTable(TomlTable):
    """A git repository whose signed tags are releases: the origin 'git'."""

    repository: Annotated[str, Field(pattern=REPOSITORY)] = Field(
        description="Its URL: https://, ssh:// or file://."
    )
    keyring: FilePath = Field(
        description="The keyring that must have signed the tags: a file below the catalog"
        " directory, or an absolute path."
    )
    tag: Annotated[str, Field(pattern=TAG)] = Field(
        "v{version}", description="The name of a version's tag."
    )


class OriginsTable(TomlTable):
    """Where sources come from."""

    order: list[Name] = Field(min_length=1, description="Tried in this order.")
    kernel_org_mirror: Url | None = Field(
        None,
        description="A mirror of kernel.org's /pub/linux/kernel. Default: kernel.org's own.",
    )
    debian_suites: list[Name] = Field([], description="The Debian suites to search.")
    git: GitTable | None = Field(None, description="The repository of the origin 'git'.")


ORIGIN_TABLES = ("git",)
"""The origins that need a table of their own, `[origins.NAME]`, to be named in the order."""


class FeatureTable(TomlTable):
    """Something a workload needs: fragments/feature/<name>.config."""

    about: str = Field("", description="What it is for, in one line.")
    needs: Names = Field([], description="Features that it requires; they are added with it.")
    since: SeriesName | None = Field(
        None, description="The first series that has it; older kernels are built without it."
    )


class VmmTable(TomlTable):
    """A virtual machine monitor: fragments/vmm/<name>.config."""

    about: str = Field("", description="What it is, in one line.")
    experimental: Arches = Field([], description="Arches that its developers call experimental.")
    arches: Arches = Field([], description="The arches it boots; without it, all.")
    since: dict[str, SeriesName] = Field(
        {}, description="The first series it boots, by arch; older kernels are built without it."
    )


class FlavorTable(TomlTable):
    """A set of VMMs and features: one kernel of each version, tagged <version>-<name>."""

    about: str = Field("", description="What it is for, in one line.")
    like: Words | None = Field(
        None, description="The flavor whose values are used for the keys that are not set here."
    )
    vmms: SomeNames | None = Field(None, description="Names of [vmms] tables.")
    features: Names | None = Field(None, description="Names of [features] tables.")
    monolithic: bool | None = Field(
        None,
        description="Build into the kernel what would be a module, for guests that load none.",
    )


class PatchTable(TomlTable):
    """A patch that does not apply to all of a series."""

    file: Annotated[str, Field(pattern=PATCH)] = Field(description="A path below patches/.")
    about: str = Field("", description="What it is for, and where it comes from.")
    since: VersionName | None = Field(None, description="The first version it is applied to.")
    until: VersionName | None = Field(
        None,
        description="The last version it is applied to: the release before the one with the fix.",
    )
    series: Annotated[list[SeriesName], AfterValidator(unique), Once] = Field(
        [], description="Only these series. Default: all series between 'since' and 'until'."
    )
    flavors: Names = Field([], description="Only these flavors, and variants of them.")
    arches: Arches = Field([], description="Only these arches, by the kernel's names for them.")


class VersionTable(TomlTable):
    """One release."""

    sha256: dict[Name, Sha256] = Field(
        {}, description="The digest its source must have, by origin."
    )


class BudgetTable(TomlTable):
    """The limits of one kernel: a build that exceeds one fails."""

    series: SeriesName = Field(description="The series.")
    flavor: Words = Field("default", description="The flavor.")
    arch: str = Field(description="The arch.")
    instructions: Amount | None = Field(
        None, description="The limit for instructions until init starts."
    )
    memory: Amount | None = Field(
        None, description="The limit for memory in use when init starts, in bytes."
    )
    size: Amount | None = Field(None, description="The limit for the kernel file, in bytes.")
    emulator: str | None = Field(
        None,
        description="The emulator that the limits were measured with, such as 'QEMU 7.2'. Counts"
        " of another one are reported, but never fail a build.",
    )


class WaiverTable(TomlTable):
    """A rule, or a difference of a config, that is accepted."""

    rule: Words | None = Field(None, description="The name of a rule in rules.toml.")
    option: OptionName | None = Field(
        None, description="An option whose difference is accepted, without CONFIG_."
    )
    reason: Line = Field(description="Why it is accepted; `config check` shows it.")
    until: datetime.date | None = Field(None, description="The last day it is accepted.")
    series: Annotated[list[SeriesName], AfterValidator(unique), Once] = Field(
        [], description="Only these series."
    )
    flavors: Names = Field([], description="Only these flavors, and variants of them.")
    arches: Arches = Field([], description="Only these arches, by the kernel's names for them.")


class SeriesTable(TomlTable):
    """A line of releases, such as 6.1."""

    end_of_life: datetime.date | None = Field(
        None, description="The last day it is maintained, according to kernel.org."
    )
    builder: Name | None = Field(None, description="Replaces the default builder.")
    arches: SomeArches | None = Field(None, description="Replaces the default arches.")
    flavors: SomeNames | None = Field(None, description="Replaces the default flavors.")
    supported_by: dict[Words, Release] = Field(
        {}, description="The first release of a VMM that officially supports the series."
    )
    supported_until: dict[Words, datetime.date] = Field(
        {}, description="The last day for which the VMM's developers guarantee that support."
    )
    versions: dict[VersionKey, VersionTable] = Field(min_length=1, description="Its releases.")


class CatalogDocument(TomlTable):
    """Ingot's catalog: the kernels to build, their sources, builders, options and limits."""

    defaults: Defaults
    origins: OriginsTable
    builders: dict[Name, AnyBuilderTable] = Field(
        description="The environments that compile kernels."
    )
    vmms: dict[Words, VmmTable] = Field(description="The VMMs that can boot kernels.")
    features: dict[Words, FeatureTable] = Field({}, description="Features of kernels.")
    flavors: dict[Words, FlavorTable] = Field(description="Sets of VMMs and features.")
    series: dict[SeriesKey, SeriesTable] = Field(description="The kernels.")
    patches: list[PatchTable] = Field(
        [], description="Patches that do not apply to all of a series."
    )
    budgets: list[BudgetTable] = Field([], description="Limits of kernels.")
    waivers: list[WaiverTable] = Field([], description="Findings about configs that are accepted.")


FORM = FileForm(
    CatalogDocument,
    {
        (): CatalogDocument,
        ("defaults",): Defaults,
        ("origins",): OriginsTable,
        ("origins", "NAME"): GitTable,
        ("patches", "NAME"): PatchTable,
        ("budgets", "NAME"): BudgetTable,
        ("waivers", "NAME"): WaiverTable,
        ("builders", "NAME"): RootfsBuilderTable,
        ("vmms", "NAME"): VmmTable,
        ("features", "NAME"): FeatureTable,
        ("flavors", "NAME"): FlavorTable,
        ("series", "NAME"): SeriesTable,
        ("series", "NAME", "versions", "NAME"): VersionTable,
    },
    PATTERNS,
    {"builders": BUILDER_TABLES},
)


def schema() -> str:
    """The JSON Schema file that is kept next to `kernels.toml`."""
    from ingot.toml.json_schema import json_schema  # late: only a script needs it

    return json_schema(CatalogDocument)
