"""The form of `kernels.toml`: what may stand where, with what meaning.

The models below are that form's only description: the JSON Schema for editors is made of them.
They say what a file may look like; `checks` says whether its parts agree.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

SCHEMA_NAME = "kernels.schema.json"

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the form needs, and the newest that editors' TOML plugins are sure to know."""

NAME = r"^[a-z0-9][a-z0-9.+-]*$"
WORDS = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SHA256 = r"^[0-9a-f]{64}$"
RELEASE = r"^[0-9]+(\.[0-9]+)+$"
SERIES = r"^[0-9]{1,3}\.[0-9]{1,3}$"
VERSION = r"^[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,4})?(-rc[1-9][0-9]?)?$"
URL = r"^https?://[^\s\[\]]+$"
PATH = r"^[^\s]+$"
REPOSITORY = r"^(https|ssh|file)://[^\s#]+$"
TAG = r"^[A-Za-z0-9_./-]*\{version\}[A-Za-z0-9_./-]*$"
IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]*$"
PATCH = r"^([A-Za-z0-9_+-][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_+-][A-Za-z0-9_.+-]*$"


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("something is listed twice")
    return values


Name = Annotated[str, Field(pattern=NAME)]
Words = Annotated[str, Field(pattern=WORDS)]
Sha256 = Annotated[str, Field(pattern=SHA256)]
Release = Annotated[str, Field(pattern=RELEASE)]
Url = Annotated[str, Field(pattern=URL)]
FilePath = Annotated[str, Field(pattern=PATH)]
VersionName = Annotated[str, Field(pattern=VERSION)]
SeriesName = Annotated[str, Field(pattern=SERIES)]
SeriesKey = Annotated[str, WithJsonSchema({"type": "string", "pattern": SERIES})]
VersionKey = Annotated[str, WithJsonSchema({"type": "string", "pattern": VERSION})]
Amount = Annotated[int, Field(gt=0, lt=1 << 53)]
Once = Field(json_schema_extra={"uniqueItems": True})
Names = Annotated[list[Words], AfterValidator(_unique), Once]
SomeNames = Annotated[Names, Field(min_length=1)]
Arches = Annotated[list[str], AfterValidator(_unique), Once]
SomeArches = Annotated[Arches, Field(min_length=1)]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Defaults(Table):
    """What every series uses unless its own table says otherwise."""

    builder: Name = Field(description="The name of a [builders] table.")
    arches: SomeArches = Field(
        description="What kernels are built for, as the kernel calls it; the first is the primary"
        " one, whose images are tagged without it."
    )
    flavors: SomeNames = Field(
        ["default"], description="The flavors every kernel comes in, 'default' first."
    )


class GitTable(Table):
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


class OriginsTable(Table):
    """Where sources come from."""

    order: list[Name] = Field(min_length=1, description="Tried in this order.")
    kernel_org_mirror: Url | None = Field(
        None,
        description="A mirror of kernel.org's /pub/linux/kernel. Default: kernel.org's own.",
    )
    debian_suites: list[Name] = Field([], description="The Debian suites to search.")
    git: GitTable | None = Field(None, description="Where the origin 'git' has its tags.")


class BuilderTable(Table):
    """What kernels are compiled in, of whatever kind."""

    llvm: bool = Field(False, description="Compile with clang and lld instead of gcc.")


class RootfsBuilderTable(BuilderTable):
    """A builder that is made of a distribution's packages."""

    kind: Literal["rootfs"] = Field("rootfs", description="A root filesystem of packages.")
    suite: Name = Field(description="A Debian or Ubuntu suite.")
    more_suites: list[Name] = Field(
        [], description="Suites of the same archive that packages may come from as well."
    )
    components: list[Name] = Field(["main"], min_length=1, description="Parts of the suites.")
    packages: list[Name] = Field(min_length=1, description="Packages of the suite.")
    packages_on: dict[str, list[Name]] = Field(
        {}, description="More packages, by the arch of the machine that compiles."
    )
    mirror: Url | None = Field(
        None, description="The archive's base URL. Default: the one that apt is configured with."
    )
    keyring: FilePath | None = Field(
        None,
        description="Whose signature the archive must have: a file below the catalog folder, an"
        " absolute path, or one in /usr/share/keyrings. Default: the keys that apt trusts.",
    )
    locked: bool = Field(
        False, description="Refuse a builder that is not made of what its lock file lists."
    )


class ContainerBuilderTable(BuilderTable):
    """An image that docker, podman or buildah enters."""

    kind: Literal["container"] = Field(description="The image of a container engine.")
    image: Annotated[str, Field(pattern=IMAGE)] = Field(
        description="What the engine pulls, pinned by digest or not; or oci:PATH:TAG, a layout on"
        " this machine."
    )
    engine: Literal["docker", "podman", "buildah"] | None = Field(
        None, description="What enters it. Default: the first of these that is here."
    )
    packages: list[Name] = Field(
        [], description="Packages that its own apt adds. None: it has all it needs."
    )
    packages_on: dict[str, list[Name]] = Field(
        {}, description="More packages, by the arch of the machine that compiles."
    )
    locked: bool = Field(
        False, description="Refuse a builder that is not made of what its lock file lists."
    )


class HostBuilderTable(BuilderTable):
    """The machine's own compiler: nothing to make, and nothing that other machines share."""

    kind: Literal["host"] = Field(description="This machine's own compiler.")


BUILDER_TABLES: Mapping[str, type[BuilderTable]] = {
    "rootfs": RootfsBuilderTable,
    "container": ContainerBuilderTable,
    "host": HostBuilderTable,
}
"""The kinds of builders, and what each is told."""


def builder_kind(table: object) -> str:
    """The kind of builder that a table in the file, or a model of it, is about."""
    if isinstance(table, BaseModel):
        return str(getattr(table, "kind", ""))
    return str(table.get("kind", "rootfs")) if isinstance(table, dict) else "rootfs"


AnyBuilderTable = Annotated[
    Annotated[RootfsBuilderTable, Tag("rootfs")]
    | Annotated[ContainerBuilderTable, Tag("container")]
    | Annotated[HostBuilderTable, Tag("host")],
    Discriminator(builder_kind),
]


class FeatureTable(Table):
    """Something a workload needs: fragments/feature/<name>.config."""

    about: str = Field("", description="What it is for, in one line.")
    needs: Names = Field([], description="Features it makes no sense without: they come along.")
    since: SeriesName | None = Field(
        None, description="The first series that has it; older kernels come without it."
    )


class VmmTable(Table):
    """A virtual machine monitor: fragments/vmm/<name>.config."""

    about: str = Field("", description="What it is, in one line.")
    experimental: Arches = Field([], description="Arches that its own makers call experimental.")
    since: dict[str, SeriesName] = Field(
        {}, description="The first series it boots, by arch; older kernels are built without it."
    )


class FlavorTable(Table):
    """A set of VMMs and features: one kernel of each version, tagged <version>-<name>."""

    about: str = Field("", description="What it is for, in one line.")
    like: Words | None = Field(None, description="A flavor to take from what is not said here.")
    vmms: SomeNames | None = Field(None, description="Names of [vmms] tables.")
    features: Names | None = Field(None, description="Names of [features] tables.")
    monolithic: bool | None = Field(
        None, description="Build in all that would be a module, for guests that load none."
    )


class PatchTable(Table):
    """A patch that is not for all of a series."""

    file: Annotated[str, Field(pattern=PATCH)] = Field(description="A path below patches/.")
    about: str = Field("", description="What it is for, and where it comes from.")
    since: VersionName | None = Field(None, description="The first version it is applied to.")
    until: VersionName | None = Field(
        None, description="The last one: the release before that which carries the fix."
    )
    series: Annotated[list[SeriesName], AfterValidator(_unique), Once] = Field(
        [], description="Only these series. Default: all that the versions allow."
    )
    flavors: Names = Field([], description="Only these flavors, and variants of them.")
    arches: Arches = Field([], description="Only these arches, as the kernel calls them.")


class VersionTable(Table):
    """One release."""

    sha256: dict[Name, Sha256] = Field(
        {}, description="The digest its source must have, by origin."
    )


class BudgetTable(Table):
    """What one kernel may cost: a build that costs more fails."""

    series: SeriesName = Field(description="Of which series.")
    flavor: Words = Field("default", description="In which flavor.")
    arch: str = Field(description="For which arch.")
    instructions: Amount | None = Field(None, description="The most until init starts.")
    memory: Amount | None = Field(None, description="The most bytes in use when init starts.")
    size: Amount | None = Field(None, description="The most bytes of the kernel file.")
    emulator: str | None = Field(
        None,
        description="What counted, such as 'QEMU 7.2': what others count is told, and fails nothing.",
    )


class SeriesTable(Table):
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


class Document(Table):
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


class _SchemaOfToml(GenerateJsonSchema):
    """TOML has no null: a key is there or it is not."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {key: value for key, value in found.items() if (key, value) != ("default", None)}


def schema() -> str:
    """The form as a JSON Schema, as it is kept beside `kernels.toml`."""
    found = Document.model_json_schema(schema_generator=_SchemaOfToml)
    return json.dumps({"$schema": _DIALECT, **found}, indent=2) + "\n"
