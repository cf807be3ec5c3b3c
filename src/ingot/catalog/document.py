"""The form of `kernels.toml`: what may stand where, with what meaning.

The models below are that form's only description: the JSON Schema for editors is made of them.
They say what a file may look like; `checks` says whether its parts agree.
"""

from __future__ import annotations

import datetime
import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
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
VERSION = r"^[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,4})?$"


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("something is listed twice")
    return values


Name = Annotated[str, Field(pattern=NAME)]
Words = Annotated[str, Field(pattern=WORDS)]
Sha256 = Annotated[str, Field(pattern=SHA256)]
Release = Annotated[str, Field(pattern=RELEASE)]
SeriesName = Annotated[str, Field(pattern=SERIES)]
SeriesKey = Annotated[str, WithJsonSchema({"type": "string", "pattern": SERIES})]
VersionKey = Annotated[str, WithJsonSchema({"type": "string", "pattern": VERSION})]
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


class OriginsTable(Table):
    """Where sources come from."""

    order: list[Name] = Field(min_length=1, description="Tried in this order.")
    debian_suites: list[Name] = Field([], description="The Debian suites to search.")


class BuilderTable(Table):
    """What kernels are compiled in."""

    suite: Name = Field(description="A Debian suite.")
    packages: list[Name] = Field(min_length=1, description="Packages of the suite.")


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


class VersionTable(Table):
    """One release."""

    sha256: dict[Name, Sha256] = Field(
        {}, description="The digest its source must have, by origin."
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
    builders: dict[Name, BuilderTable] = Field(description="What kernels are compiled in.")
    vmms: dict[Words, VmmTable] = Field(description="What kernels can boot under.")
    features: dict[Words, FeatureTable] = Field({}, description="What kernels can do.")
    flavors: dict[Words, FlavorTable] = Field(description="Sets of VMMs and features.")
    series: dict[SeriesKey, SeriesTable] = Field(description="The kernels.")


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
