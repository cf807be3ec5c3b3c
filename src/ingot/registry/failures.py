"""What a registry refused, or what broke on the way, in plain words.

skopeo passes on what registries say (OCI distribution-spec, "Error Codes") and what Go's network
libraries say, in its own frame. What is told apart here is what a person does something else
about; anything else is told as skopeo has it.
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

# registries that keep secret what exists (ghcr.io, docker.io, quay.io) deny what is not there;
# that a file of this machine may not be read is another matter
_DENIED = (
    rf"(?<!permission )\bdenied\b|{_STATUS}403|access to the requested resource is not authorized"
)
_UNKNOWN = rf"(?:manifest|name) unknown|repository \S* ?not found|{_STATUS}404"
_UNSUPPORTED = rf"{_STATUS}405|method not allowed|operation is unsupported"
_ABSENT = re.compile(f"{_UNKNOWN}|{_DENIED}", re.IGNORECASE)
_WITHHELD = re.compile(f"{_DENIED}|{_UNSUPPORTED}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Cause:
    """What skopeo's words mean. `{host}` stands for the registry's host[:port] in the texts."""

    pattern: str
    why: str
    hint: str
    kind: type[IngotError] = MachineError


_CAUSES = (
    _Cause(
        "invalid reference format",
        "it is no name of an image",
        "write registry/path:tag or registry/path@sha256:...",
        UserError,
    ),
    _Cause(
        r"no image found in [^\n]{0,300}for architecture",
        "it is there, but not for this platform",
        "choose another one with --arch, or push the image of this one first",
        UserError,
    ),
    _Cause(
        r"credential helper|error getting credentials|docker-credential-\S+",
        "the credential helper that the configuration names does not work",
        "look at credHelpers and credsStore in ~/.docker/config.json, or: skopeo login {host}",
    ),
    _Cause(
        rf"no space left|insufficient storage|{_STATUS}507|quota",
        "{host} has no room for more",
        "free some there, then run the same command again: it goes on where it ended",
    ),
    _Cause(
        _DENIED,
        "{host} does not let this user do that",
        "log in as somebody who may (skopeo login {host}); a token needs the permission to write"
        " packages, and some registries want a repository to be made before",
    ),
    _Cause(
        rf"unauthorized|authentication required|invalid username/password|{_STATUS}401",
        "{host} wants a name and a password, and those kept for it, if any, are not right",
        "log in: skopeo login {host}",
    ),
    _Cause(
        "no such host|name resolution|server misbehaving",
        "there is no host of the name {host}",
        "is the name right, and the network there?",
    ),
    _Cause(
        "server gave HTTP response to HTTPS client",
        "{host} speaks plain HTTP, which anybody on the way can read and change",
        "give it a certificate, or use --insecure if the network is to be trusted",
    ),
    _Cause(
        "x509: |tls: |certificate",
        "the certificate of {host} cannot be verified",
        "put the certificate of its authority into /etc/containers/certs.d/{host}/ca.crt; or use"
        " --insecure if the network is to be trusted",
    ),
    _Cause(
        "connection refused|network is unreachable|no route to host",
        "nothing answers at {host}",
        "is the registry running, and the port right?",
    ),
    _Cause(
        r"timed out|timeout|deadline exceeded",
        "{host} does not answer in time",
        "run the same command again: it goes on where it ended",
    ),
    _Cause(
        f"{_UNSUPPORTED}|read.only",
        "{host} takes no images; it may be read-only just now",
        "run the same command again when it takes images",
    ),
    _Cause(
        rf"toomanyrequests|too many requests|{_STATUS}429",
        "{host} was asked too often in too short a time",
        "run the same command again after a while: it goes on where it ended",
    ),
    _Cause(
        _UNKNOWN,
        "{host} does not have it",
        "is the name right? Some registries want a repository to be made before something is"
        " pushed to it",
    ),
    _Cause(
        "does not match|did not match|corrupt",
        "what was read is not what its digest says",
        "run `ingot inspect` on the image, which verifies all of it and names what is damaged",
        VerificationError,
    ),
    _Cause(
        rf"{_STATUS}5\d\d",
        "{host} failed; its own log says why (is its disk full?)",
        "run the same command again when it is well: it goes on where it ended",
    ),
    _Cause(
        r"\bEOF\b|connection reset|broken pipe|closed (?:network|idle) connection"
        r"|connection broken",
        "the connection to {host} broke",
        "run the same command again: it goes on where it ended",
    ),
)


def explain(error: CommandFailedError, what: str, reference: str) -> IngotError:
    """The error to raise where skopeo failed at `reference`; `what` says what could not be done."""
    reason = _reason(error)
    words = _without_names(reason, reference)
    host = host_of(reference)
    for cause in _CAUSES:
        if match := re.search(cause.pattern, words, re.IGNORECASE):
            said = words[match.start() :].splitlines()[0].strip()[:_LONGEST]
            why = f"{cause.why.format(host=host)} ({said})"
            return cause.kind(what, why=why, hint=cause.hint.format(host=host))
    return MachineError(what, why=reason, hint=error.hint)


def is_absent(error: CommandFailedError, reference: str) -> bool:
    """Whether skopeo failed because there is no such image or repository.

    A registry that denies to read is taken to have none: ghcr.io and docker.io answer so for what
    does not exist, to keep secret what does. That a password is wrong is told in another way.
    """
    return bool(_ABSENT.search(_without_names(_reason(error), reference)))


def is_withheld(error: CommandFailedError, reference: str) -> bool:
    """Whether skopeo failed because the registry does not tell, whatever it has."""
    return bool(_WITHHELD.search(_without_names(_reason(error), reference)))


def _reason(error: CommandFailedError) -> str:
    """What skopeo gave up for, without the attempts before; all it said, if it does not tell."""
    said = "\n".join(error.tail)
    if reasons := _FATAL.findall(said):
        return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], reasons[-1])
    return "\n".join([*error.tail, error.what])


def _without_names(reason: str, reference: str) -> str:
    """The reason without the image's name, so that no word in that is taken for a cause."""
    name = reference.removeprefix(TRANSPORT)
    repository = repository_of(name)
    for text in (name, repository, repository.removeprefix(f"{host_of(name)}/")):
        reason = reason.replace(text, "")
    return re.sub(r"reading manifest \S+ in", "", reason)
