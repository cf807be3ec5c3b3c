"""What `kernels.toml` tells of a builder: each kind has a table of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from ingot.catalog.value_patterns import IMAGE, FilePath, Name, Url
from ingot.toml import TomlTable


class BuilderTable(TomlTable):
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
