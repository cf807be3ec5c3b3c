"""Sending images to a registry, with skopeo: credentials, retries and mounts are its craft."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from ingot.errors import MachineError
from ingot.oci import Layout
from ingot.process import CommandFailedError, run
from ingot.progress import Progress


def push(layout: Layout, tags: Sequence[str], registry: str, progress: Progress) -> list[str]:
    """Copy tagged images of the store to `registry` (host[:port][/path]); returns their names.

    Credentials are read where skopeo reads them (containers-auth.json(5): docker's
    config.json too). A registry on loopback may speak plain HTTP, as docker allows.
    """
    pushed = []
    for tag in tags:
        name = f"{registry.rstrip('/')}/{tag}"
        with progress.step(f"push {name}"):
            words = ["skopeo", "copy", "--quiet", "--retry-times", "2"]
            if is_loopback(registry):
                words.append("--dest-tls-verify=false")
            try:
                run([*words, f"oci:{layout.root}:{tag}", f"docker://{name}"])
            except CommandFailedError as error:
                raise MachineError(
                    f"{name} could not be pushed",
                    why="\n".join(error.tail),
                    hint=f"is the registry there, and is this user logged in to it?"
                    f" (skopeo login {registry.partition('/')[0]}) {error.hint}",
                ) from error
        pushed.append(name)
    return pushed


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
