"""The names of registries, repositories and images.

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
"""skopeo's prefix of the name of an image in a registry (containers-transports(5))."""

# the grammar of references in distribution/reference, which all clients use
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_REGISTRY = re.compile(rf"{_HOST}(?:/{_COMPONENT})*/?")


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry to send images to. `insecure` allows plain HTTP and unverified certificates."""

    name: str
    insecure: bool = False

    def reference(self, image: str) -> str:
        """The full name of an image such as `kernel-bin:6.1.176` or `kernel-bin@sha256:...`."""
        return f"{self.name}/{image}"


def check_registry(name: str) -> str:
    """The name without a slash at its end; a UserError if it cannot be a registry's."""
    if "://" in name:
        raise UserError(
            f"'{name}' is not a name of a registry",
            why="it has the form of a URL",
            hint=f"leave out {name.partition('://')[0]}://, as in docker.io/foobar",
        )
    if not _REGISTRY.fullmatch(name):
        raise UserError(
            f"'{name}' is not a name of a registry",
            why="a registry is HOST[:PORT][/PATH], with the path in lower case and without a tag",
            hint="a valid name looks like docker.io/foobar or localhost:5000",
        )
    return name.rstrip("/")


def host_of(reference: str) -> str:
    """The host[:port] of a name, under which credentials are stored.

    A first part that is not `localhost` and has no dot or colon is a path of docker.io, as in
    every client of registries.
    """
    first, slash, _ = reference.removeprefix(TRANSPORT).partition("/")
    named = first == "localhost" or "." in first or ":" in first
    return first if named or not slash else "docker.io"


def is_loopback(registry: str) -> bool:
    """Whether a registry's host is this machine's loopback."""
    address = registry.partition("/")[0]
    # an IPv6 address is in brackets: RFC 3986, section 3.2.2
    bracketed = address.startswith("[")
    host = address[1:].partition("]")[0] if bracketed else address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def repository_of(reference: str) -> str:
    """A reference without its tag and digest; the colon of a port does not begin a tag."""
    name = reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def tls_arguments(name: str, flag: str, *, insecure: bool) -> list[str]:
    """skopeo's argument that allows plain HTTP and unverified certificates; [] if not allowed.

    They are allowed on loopback, as in docker, and with `insecure`; `flag` is skopeo's option for
    the source or the destination.
    """
    return [f"{flag}=false"] if insecure or is_loopback(name) else []
