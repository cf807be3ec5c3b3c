"""Explains the failures of skopeo: refusals of registries, and network errors.

skopeo's errors contain those of registries (OCI distribution-spec, "Error Codes") and of Go's
network libraries. Only errors with different remedies are distinguished here; all others are
reported with skopeo's own text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingot.errors import IngotError, MachineError, UserError, VerificationError
from ingot.process import CommandFailedError
from ingot.registry.registry_names import TRANSPORT, host_of, repository_of

_FATAL = re.compile(r'level=fatal msg="((?:[^"\\]|\\.)*)"')
_LONGEST = 300

_STATUS = r"status ?(?:code)?(?: from registry)?:? ?"

# registries that hide what exists (ghcr.io, docker.io, quay.io) deny access to what does not;
# "permission denied" is about a file of this machine
_DENIED = (
    rf"(?<!permission )\bdenied\b|{_STATUS}403|access to the requested resource is not authorized"
)
_UNKNOWN = rf"(?:manifest|name) unknown|repository \S* ?not found|{_STATUS}404"
_UNSUPPORTED = rf"{_STATUS}405|method not allowed|operation is unsupported"
_ABSENT = re.compile(f"{_UNKNOWN}|{_DENIED}", re.IGNORECASE)
_WITHHELD = re.compile(f"{_DENIED}|{_UNSUPPORTED}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Cause:
    """A cause of failures, found by a pattern in skopeo's error. `{host}` is the host[:port]."""

    pattern: str
    why: str
    hint: str
    kind: type[IngotError] = MachineError


_CAUSES = (
    _Cause(
        "invalid reference format",
        "it is not a valid name of an image",
        "write registry/path:tag or registry/path@sha256:...",
        UserError,
    ),
    _Cause(
        r"no image found in [^\n]{0,300}for architecture",
        "the image exists, but not for this platform",
        "choose another platform with --arch, or push an image for this one first",
        UserError,
    ),
    _Cause(
        r"credential helper|error getting credentials|docker-credential-\S+",
        "the configured credential helper does not work",
        "check credHelpers and credsStore in ~/.docker/config.json, or run: skopeo login {host}",
    ),
    _Cause(
        rf"no space left|insufficient storage|{_STATUS}507|quota",
        "{host} has no space left",
        "free some space there, then run the same command again: it continues where it stopped",
    ),
    _Cause(
        _DENIED,
        "{host} does not allow this user to do that",
        "log in as a user with that permission (skopeo login {host}); a token needs the permission"
        " to write packages, and some registries need the repository to be created first",
    ),
    _Cause(
        rf"unauthorized|authentication required|invalid username/password|{_STATUS}401",
        "{host} requires a login, and the stored credentials are missing or wrong",
        "log in: skopeo login {host}",
    ),
    _Cause(
        "no such host|name resolution|server misbehaving",
        "the host name {host} is not found",
        "check the name and the network",
    ),
    _Cause(
        "server gave HTTP response to HTTPS client",
        "{host} uses plain HTTP, which can be read and changed on the network",
        "set up a certificate there, or use --insecure if you trust the network",
    ),
    _Cause(
        "x509: |tls: |certificate",
        "the certificate of {host} cannot be verified",
        "put the certificate of its authority into /etc/containers/certs.d/{host}/ca.crt, or use"
        " --insecure if you trust the network",
    ),
    _Cause(
        "connection refused|network is unreachable|no route to host",
        "{host} cannot be reached",
        "check that the registry runs, and its port",
    ),
    _Cause(
        r"timed out|timeout|deadline exceeded",
        "{host} did not answer in time",
        "run the same command again: it continues where it stopped",
    ),
    _Cause(
        f"{_UNSUPPORTED}|read.only",
        "{host} does not accept images; it may be read-only at the moment",
        "run the same command again when it accepts images",
    ),
    _Cause(
        rf"toomanyrequests|too many requests|{_STATUS}429",
        "{host} got too many requests in a short time",
        "run the same command again later: it continues where it stopped",
    ),
    _Cause(
        _UNKNOWN,
        "{host} does not have it",
        "check the name; some registries need a repository to be created before the first push",
    ),
    _Cause(
        "does not match|did not match|corrupt",
        "the data does not match its digest",
        "run `ingot inspect` on the image, which lists its damaged blobs; then rebuild it",
        VerificationError,
    ),
    _Cause(
        rf"{_STATUS}5\d\d",
        "{host} reported a server error; its own log has the reason, such as a full disk",
        "run the same command again when it works: it continues where it stopped",
    ),
    _Cause(
        r"\bEOF\b|connection reset|broken pipe|closed (?:network|idle) connection"
        r"|connection broken",
        "the connection to {host} was lost",
        "run the same command again: it continues where it stopped",
    ),
)


def explain(error: CommandFailedError, what: str, reference: str) -> IngotError:
    """The error for a failure of skopeo with `reference`; `what` is its first line."""
    reason = _reason(error)
    words = _without_names(reason, reference)
    host = host_of(reference)
    for cause in _CAUSES:
        if match := re.search(cause.pattern, words, re.IGNORECASE):
            excerpt = words[match.start() :].splitlines()[0].strip()[:_LONGEST]
            why = f"{cause.why.format(host=host)} ({excerpt})"
            return cause.kind(what, why=why, hint=cause.hint.format(host=host))
    return MachineError(what, why=reason, hint=error.hint)


def is_absent(error: CommandFailedError, reference: str) -> bool:
    """Whether skopeo failed because the image or repository does not exist.

    A denied read counts as such: ghcr.io and docker.io deny access to what does not exist, to hide
    what does. A wrong password is a different error.
    """
    return bool(_ABSENT.search(_without_names(_reason(error), reference)))


def is_withheld(error: CommandFailedError, reference: str) -> bool:
    """Whether skopeo failed because the registry refuses to answer, whatever it has."""
    return bool(_WITHHELD.search(_without_names(_reason(error), reference)))


def _reason(error: CommandFailedError) -> str:
    """The final error of skopeo, without earlier attempts; without one, all of its output."""
    output = "\n".join(error.tail)
    if reasons := _FATAL.findall(output):
        return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], reasons[-1])
    return "\n".join([*error.tail, error.what])


def _without_names(reason: str, reference: str) -> str:
    """The reason without the image's name, so that a word in the name is not taken for a cause."""
    name = reference.removeprefix(TRANSPORT)
    repository = repository_of(name)
    for text in (name, repository, repository.removeprefix(f"{host_of(name)}/")):
        reason = reason.replace(text, "")
    return re.sub(r"reading manifest \S+ in", "", reason)
