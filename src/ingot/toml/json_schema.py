"""The JSON Schema of a TOML file, for editors, from the models of its tables."""

from __future__ import annotations

import json

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ingot.toml.form import TomlTable

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest dialect that all TOML plugins of editors support."""


class _SchemaOfToml(GenerateJsonSchema):
    """A schema without null, which TOML does not have: a key is present or absent."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {key: value for key, value in found.items() if (key, value) != ("default", None)}


def json_schema(document: type[TomlTable]) -> str:
    """The text of the schema file of a whole document."""
    found = document.model_json_schema(schema_generator=_SchemaOfToml)
    return json.dumps({"$schema": _DIALECT, **found}, indent=2) + "\n"
