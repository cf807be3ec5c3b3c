"""Images in registries, through skopeo: credentials, retries and mounts are its craft."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.errors import MachineError, UserError
from ingot.oci import Layout
from ingot.process import CommandFailedError, run
from ingot.progress import Progress

TRANSPORT = "docker://"
"""What skopeo wants before the name of an image of a registry (containers-transports(5))."""

FETCHED = "image:fetched"
"""The tag that an image fetched from a registry has in the layout it was copied to."""

_FATAL = re.compile(r'level=fatal msg="((?:[^"\\]|\\.)*)"')
_NO_NAME = "invalid reference format"


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
                run([*words, f"oci:{layout.root}:{tag}", f"{TRANSPORT}{name}"])
            except CommandFailedError as error:
                raise MachineError(
                    f"{name} could not be pushed",
                    why=_reason(error),
                    hint=f"is the registry there, and is this user logged in to it?"
                    f" (skopeo login {registry.partition('/')[0]}) {error.hint}",
                ) from error
        pushed.append(name)
    return pushed


def read_manifest(reference: str, architecture: str) -> Mapping[str, Any]:
    """The manifest of the image `reference` (host[:port]/path[:tag|@digest]), as JSON.

    Of an image for several platforms, that of `architecture` (Go's GOARCH; OCI image-spec,
    image-index.md), or the only one there is.
    """
    document = _read_raw(reference)
    manifests = document.get("manifests")
    if not isinstance(manifests, list):
        return document
    fitting = [
        entry
        for entry in manifests
        if len(manifests) == 1 or entry.get("platform", {}).get("architecture") == architecture
    ]
    if not fitting:
        raise UserError(f"{reference} has no image for {architecture}")
    return _read_raw(f"{_without_tag(reference)}@{fitting[0]['digest']}")


def fetch_image(reference: str, architecture: str, to: Path) -> Layout:
    """Copy an image out of a registry to a new OCI layout `to`, tagged `image:fetched`."""
    words = ["skopeo", "--override-arch", architecture, "--override-os", "linux", "copy"]
    words += ["--quiet", "--retry-times", "2", *_tls_words(reference, "--src-tls-verify=false")]
    _skopeo([*words, f"{TRANSPORT}{reference}", f"oci:{to}:{FETCHED}"], reference)
    return Layout(to)


def _read_raw(reference: str) -> dict[str, Any]:
    words = ["skopeo", "inspect", "--raw", "--retry-times", "2"]
    words += _tls_words(reference, "--tls-verify=false")
    told = _skopeo([*words, f"{TRANSPORT}{reference}"], reference)
    try:
        # warnings may stand before it
        document, _ = json.JSONDecoder().raw_decode(told, max(told.find("{"), 0))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise MachineError(f"{reference} has a manifest that is not JSON")
    return document


def _skopeo(words: list[str], reference: str) -> str:
    try:
        return run(words).output
    except CommandFailedError as error:
        reason = _reason(error)
        if _NO_NAME in reason:
            raise UserError(
                f"'{reference}' is no name of an image",
                why=reason,
                hint="write registry/path:tag or registry/path@sha256:...",
            ) from error
        raise MachineError(
            f"{reference} could not be read",
            why=reason,
            hint="is the name right, is the registry there, and may this user read it?"
            f" (skopeo login {reference.partition('/')[0]}) {error.hint}",
        ) from error


def _reason(error: CommandFailedError) -> str:
    """What skopeo gave up for, without the attempts before; all it said, if it does not tell."""
    said = "\n".join(error.tail)
    reasons = _FATAL.findall(said)
    return re.sub(r"\\(.)", r"\1", reasons[-1]) if reasons else said


def _tls_words(reference: str, off: str) -> list[str]:
    return [off] if is_loopback(reference) else []


def _without_tag(reference: str) -> str:
    """The repository of a reference; a port's colon is not a tag's."""
    name = reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


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
