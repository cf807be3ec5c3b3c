"""The formats of single values in the catalog's files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

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
OPTION = r"^[A-Z0-9]\w*$"
MODULE = r"^[\w.-]+$"
LINE = r"^[!-~]+( [!-~]+)*$"

PATTERNS: Mapping[str, str] = {
    NAME: "a name (lower-case letters, digits, and . + -)",
    WORDS: "a name (lower-case letters and digits, in words joined by -)",
    SHA256: "a sha256 (64 lower-case hexadecimal digits)",
    RELEASE: "a release such as 1.9.0",
    SERIES: "a series such as 6.1",
    URL: "a URL that begins with http:// or https://",
    PATH: "a path without spaces",
    VERSION: "a version such as 6.1.176",
    REPOSITORY: "the URL of a repository (https://, ssh:// or file://)",
    IMAGE: "the name of an image, such as docker.io/library/ubuntu:20.04",
    TAG: "the name of a tag with {version} in it",
    PATCH: "the path of a patch file below patches/",
    OPTION: "an option, without CONFIG_",
    MODULE: "the name of a module",
    LINE: "printable ASCII words with single spaces between them",
}
"""The description of each pattern in messages."""


def unique(values: list[str]) -> list[str]:
    """The values, if none is listed twice; pydantic reports a ValueError as a mistake."""
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
OptionName = Annotated[str, Field(pattern=OPTION)]
ModuleName = Annotated[str, Field(pattern=MODULE)]
Line = Annotated[str, Field(pattern=LINE)]
Amount = Annotated[int, Field(gt=0, lt=1 << 53)]
Once = Field(json_schema_extra={"uniqueItems": True})
Names = Annotated[list[Words], AfterValidator(unique), Once]
SomeNames = Annotated[Names, Field(min_length=1)]
Arches = Annotated[list[str], AfterValidator(unique), Once]
SomeArches = Annotated[Arches, Field(min_length=1)]
