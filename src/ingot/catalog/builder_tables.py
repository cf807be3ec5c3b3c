"""The tables of `kernels.toml` that describe builders, one model for each kind of builder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from ingot.catalog.value_patterns import IMAGE, FilePath, Name, Url
from ingot.toml import TomlTable


class BuilderTable(TomlTable):
    """The keys that every kind of builder has."""

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
        description="The keyring that must have signed the archive: a file below the catalog"
        " directory, an absolute path, or one in /usr/share/keyrings. Default: the keys that apt"
        " trusts.",
    )
    locked: bool = Field(
        False, description="Refuse a builder whose packages are not those in its lock file."
    )


class ContainerBuilderTable(BuilderTable):
    """A container image that docker, podman or buildah runs."""

    kind: Literal["container"] = Field(description="A container image.")
    image: Annotated[str, Field(pattern=IMAGE)] = Field(
        description="The image that the engine pulls, with or without a digest; or oci:PATH:TAG, a"
        " layout on this machine."
    )
    engine: Literal["docker", "podman", "buildah"] | None = Field(
        None, description="What runs it. Default: the first of these that is installed."
    )
    packages: list[Name] = Field(
        [], description="Packages that the image's own apt adds. Default: none."
    )
    packages_on: dict[str, list[Name]] = Field(
        {}, description="More packages, by the arch of the machine that compiles."
    )
    locked: bool = Field(
        False, description="Refuse a builder whose packages are not those in its lock file."
    )


class HostBuilderTable(BuilderTable):
    """The compiler that is installed on this machine: not built, and not shared."""

    kind: Literal["host"] = Field(description="The compiler that is installed on this machine.")


BUILDER_TABLES: Mapping[str, type[BuilderTable]] = {
    "rootfs": RootfsBuilderTable,
    "container": ContainerBuilderTable,
    "host": HostBuilderTable,
}
"""The kinds of builders, and the table of each."""


def builder_kind(table: object) -> str:
    """The kind of builder that a table of the file, or its model, describes."""
    if isinstance(table, BaseModel):
        return str(getattr(table, "kind", ""))
    return str(table.get("kind", "rootfs")) if isinstance(table, dict) else "rootfs"


AnyBuilderTable = Annotated[
    Annotated[RootfsBuilderTable, Tag("rootfs")]
    | Annotated[ContainerBuilderTable, Tag("container")]
    | Annotated[HostBuilderTable, Tag("host")],
    Discriminator(builder_kind),
]
