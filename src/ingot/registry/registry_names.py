"""What registries, repositories and images are called.

registry     host[:port][/path]                     ghcr.io/weaveworks-liquidmetal
repository   registry/name                          ghcr.io/weaveworks-liquidmetal/kernel-bin
reference    repository[:tag|@digest]
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ingot.errors import UserError

TRANSPORT = "docker://"
"""What skopeo wants before the name of an image of a registry (containers-transports(5))."""

# what distribution's reference grammar allows, which every client of registries checks
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_REGISTRY = re.compile(rf"{_HOST}(?:/{_COMPONENT})*/?")


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that images go to. `insecure` allows plain HTTP and unknown certificates."""

    name: str
    insecure: bool = False

    def reference(self, image: str) -> str:
        """The name there of an image such as `kernel-bin:6.1.176` or `kernel-bin@sha256:...`."""
        return f"{self.name}/{image}"


def check_registry(name: str) -> str:
    """The registry of that name, without a slash at its end; a UserError if it can be none."""
    if "://" in name:
        raise UserError(
            f"'{name}' is no name of a registry",
            why="it begins as an address does",
            hint=f"leave out {name.partition('://')[0]}://, as in docker.io/foobar",
        )
    if not _REGISTRY.fullmatch(name):
        raise UserError(
            f"'{name}' is no name of a registry",
            why="it is HOST[:PORT][/PATH], the path in lower case and without a tag",
            hint="a good name looks like docker.io/foobar or localhost:5000",
        )
    return name.rstrip("/")


def host_of(reference: str) -> str:
    """The host[:port] that a name leads to, for which credentials are kept.

    A first word that is neither `localhost` nor has a dot or a colon is a path of docker.io, as
    every client of registries takes it.
    """
    first, slash, _ = reference.removeprefix(TRANSPORT).partition("/")
    named = first == "localhost" or "." in first or ":" in first
    return first if named or not slash else "docker.io"


def is_loopback(registry: str) -> bool:
    """Whether a registry's host is this machine's loopback."""
    address = registry.partition("/")[0]
    # an IPv6 address stands in brackets: RFC 3986, section 3.2.2
    bracketed = address.startswith("[")
    host = address[1:].partition("]")[0] if bracketed else address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def repository_of(reference: str) -> str:
    """A reference without its tag and digest; a port's colon is not a tag's."""
    name = reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def trust_words(name: str, flag: str, *, insecure: bool) -> list[str]:
    """What skopeo is told where plain HTTP and unknown certificates are fine.

    That is so on loopback, as docker allows, and where the user said so; `flag` is skopeo's for
    the side that the registry is on.
    """
    return [f"{flag}=false"] if insecure or is_loopback(name) else []
