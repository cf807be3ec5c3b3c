"""The form of `kernels.toml`: what may stand where, with what meaning.

The models below are that form's only description: the JSON Schema for editors is made of them.
They say what a file may look like; `checks` says whether its parts agree.
"""

from __future__ import annotations

import datetime
import json
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ingot.catalog.builder_tables import BUILDER_TABLES, AnyBuilderTable, RootfsBuilderTable
from ingot.catalog.value_patterns import (
    PATCH,
    PATTERNS,
    REPOSITORY,
    TAG,
    Amount,
    Arches,
    FilePath,
    Name,
    Names,
    Once,
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

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the form needs, and the newest that editors' TOML plugins are sure to know."""


class Defaults(TomlTable):
    """What every series uses unless its own table says otherwise."""

    builder: Name = Field(description="The name of a [builders] table.")
    arches: SomeArches = Field(
        description="What kernels are built for, as the kernel calls it; the first is the primary"
        " one, whose images are tagged without it."
    )
    flavors: SomeNames = Field(
        ["default"], description="The flavors every kernel comes in, 'default' first."
    )


class GitTable(TomlTable):
    """A git repository whose signed tags are releases: the origin 'git'."""

    repository: Annotated[str, Field(pattern=REPOSITORY)] = Field(
        description="Its address: https://, ssh:// or file://."
    )
    keyring: FilePath = Field(
        description="Whose signatures on tags are trusted: a file below the catalog folder, or an"
        " absolute path."
    )
    tag: Annotated[str, Field(pattern=TAG)] = Field(
        "v{version}", description="What the tag of a version is called."
    )


class OriginsTable(TomlTable):
    """Where sources come from."""

    order: list[Name] = Field(min_length=1, description="Tried in this order.")
    kernel_org_mirror: Url | None = Field(
        None,
        description="A mirror of kernel.org's /pub/linux/kernel. Default: kernel.org's own.",
    )
    debian_suites: list[Name] = Field([], description="The Debian suites to search.")
    git: GitTable | None = Field(None, description="Where the origin 'git' has its tags.")


ORIGIN_TABLES = ("git",)
"""The origins that need a table of their own, `[origins.NAME]`, to be named in the order."""


class FeatureTable(TomlTable):
    """Something a workload needs: fragments/feature/<name>.config."""

    about: str = Field("", description="What it is for, in one line.")
    needs: Names = Field([], description="Features it makes no sense without: they come along.")
    since: SeriesName | None = Field(
        None, description="The first series that has it; older kernels come without it."
    )


class VmmTable(TomlTable):
    """A virtual machine monitor: fragments/vmm/<name>.config."""

    about: str = Field("", description="What it is, in one line.")
    experimental: Arches = Field([], description="Arches that its own makers call experimental.")
    since: dict[str, SeriesName] = Field(
        {}, description="The first series it boots, by arch; older kernels are built without it."
    )


class FlavorTable(TomlTable):
    """A set of VMMs and features: one kernel of each version, tagged <version>-<name>."""

    about: str = Field("", description="What it is for, in one line.")
    like: Words | None = Field(None, description="A flavor to take from what is not said here.")
    vmms: SomeNames | None = Field(None, description="Names of [vmms] tables.")
    features: Names | None = Field(None, description="Names of [features] tables.")
    monolithic: bool | None = Field(
        None, description="Build in all that would be a module, for guests that load none."
    )


class PatchTable(TomlTable):
    """A patch that is not for all of a series."""

    file: Annotated[str, Field(pattern=PATCH)] = Field(description="A path below patches/.")
    about: str = Field("", description="What it is for, and where it comes from.")
    since: VersionName | None = Field(None, description="The first version it is applied to.")
    until: VersionName | None = Field(
        None, description="The last one: the release before that which carries the fix."
    )
    series: Annotated[list[SeriesName], AfterValidator(unique), Once] = Field(
        [], description="Only these series. Default: all that the versions allow."
    )
    flavors: Names = Field([], description="Only these flavors, and variants of them.")
    arches: Arches = Field([], description="Only these arches, as the kernel calls them.")


class VersionTable(TomlTable):
    """One release."""

    sha256: dict[Name, Sha256] = Field(
        {}, description="The digest its source must have, by origin."
    )


class BudgetTable(TomlTable):
    """What one kernel may cost: a build that costs more fails."""

    series: SeriesName = Field(description="Of which series.")
    flavor: Words = Field("default", description="In which flavor.")
    arch: str = Field(description="For which arch.")
    instructions: Amount | None = Field(None, description="The most until init starts.")
    memory: Amount | None = Field(None, description="The most bytes in use when init starts.")
    size: Amount | None = Field(None, description="The most bytes of the kernel file.")
    emulator: str | None = Field(
        None,
        description="What counted, such as 'QEMU 7.2':"
        " what others count is told, and fails nothing.",
    )


class SeriesTable(TomlTable):
    """A line of releases, such as 6.1."""

    end_of_life: datetime.date | None = Field(
        None, description="The last day it is maintained, as kernel.org lists it."
    )
    builder: Name | None = Field(None, description="Instead of the default one.")
    arches: SomeArches | None = Field(None, description="Instead of the default ones.")
    flavors: SomeNames | None = Field(None, description="Instead of the default ones.")
    supported_by: dict[Words, Release] = Field(
        {}, description="The first release of a VMM that officially supports the series."
    )
    versions: dict[VersionKey, VersionTable] = Field(min_length=1, description="Its releases.")


class CatalogDocument(TomlTable):
    """The catalog of Ingot: which kernels are built, from what, with what."""

    defaults: Defaults
    origins: OriginsTable
    builders: dict[Name, AnyBuilderTable] = Field(description="What kernels are compiled in.")
    vmms: dict[Words, VmmTable] = Field(description="What kernels can boot under.")
    features: dict[Words, FeatureTable] = Field({}, description="What kernels can do.")
    flavors: dict[Words, FlavorTable] = Field(description="Sets of VMMs and features.")
    series: dict[SeriesKey, SeriesTable] = Field(description="The kernels.")
    patches: list[PatchTable] = Field([], description="Patches that are not for all of a series.")
    budgets: list[BudgetTable] = Field([], description="What kernels may cost.")


FORM = FileForm(
    CatalogDocument,
    {
        (): CatalogDocument,
        ("defaults",): Defaults,
        ("origins",): OriginsTable,
        ("origins", "NAME"): GitTable,
        ("patches", "NAME"): PatchTable,
        ("budgets", "NAME"): BudgetTable,
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


class _SchemaOfToml(GenerateJsonSchema):
    """TOML has no null: a key is there or it is not."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {key: value for key, value in found.items() if (key, value) != ("default", None)}


def schema() -> str:
    """The form as a JSON Schema, as it is kept beside `kernels.toml`."""
    found = CatalogDocument.model_json_schema(schema_generator=_SchemaOfToml)
    return json.dumps({"$schema": _DIALECT, **found}, indent=2) + "\n"
