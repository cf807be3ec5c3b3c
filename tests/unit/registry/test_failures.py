"""What skopeo says, as registries and networks made it say so, and what becomes of it."""

from __future__ import annotations

import pytest

from ingot.errors import IngotError, MachineError, UserError, VerificationError
from ingot.process import CommandFailedError
from ingot.registry.failures import explain, is_absent

REFERENCE = "example.org/lm/kernel-bin:6.1"


def failed(reason: str) -> CommandFailedError:
    """skopeo's end, framed as it frames it."""
    escaped = reason.replace("\\", "\\\\").replace('"', '\\"')
    line = f'time="2026-01-01T00:00:00Z" level=fatal msg="{escaped}"'
    return CommandFailedError(["skopeo", "copy"], 1, ["Getting image source signatures", line])


READING = f'Error parsing image name "docker://{REFERENCE}": reading manifest 6.1 in example.org/lm'

SEEN = {
    "refused": (
        'pinging container registry example.org: Get "https://example.org/v2/": dial tcp'
        " 192.0.2.1:503: connect: connection refused",
        "example.org cannot be reached",
    ),
    "no host": (
        'pinging container registry example.org: Get "http://example.org/v2/": dial tcp: lookup'
        " example.org on 192.0.2.53:53: no such host",
        "the host name example.org is not found",
    ),
    "plain": (
        'Get "https://example.org/v2/": http: server gave HTTP response to HTTPS client',
        "uses plain HTTP",
    ),
    "certificate": (
        'Get "https://example.org/v2/": x509: certificate signed by unknown authority',
        "certificate of example.org cannot be verified"
        " (x509: certificate signed by unknown authority)",
    ),
    "not TLS": (
        'Get "https://example.org/v2/": tls: first record does not look like a TLS handshake',
        "certificate of example.org cannot be verified",
    ),
    "password": (f"{READING}: unauthorized: authentication required", "requires a login"),
    "token": (
        "unable to retrieve auth token: invalid username/password: unauthorized: bad credentials",
        "requires a login",
    ),
    "denied": (
        "writing blob: initiating layer upload to /v2/lm/kernel-bin/blobs/uploads/ in example.org:"
        " denied: permission_denied: write_package",
        "does not allow this user to do that (denied: permission_denied: write_package)",
    ),
    "forbidden": (
        "Requesting bear token: invalid status code from registry 403 (Forbidden)",
        "does not allow this user to do that",
    ),
    "read-only": (
        "writing blob: initiating layer upload to /v2/lm/kernel-bin/blobs/uploads/ in example.org:"
        " StatusCode: 405, Method not allowed\n",
        "does not accept images",
    ),
    "full": (
        "writing blob: uploading layer chunked: received unexpected HTTP status: 500 Internal"
        " Server Error",
        "example.org reported a server error",
    ),
    "quota": ("writing blob: denied: quota exceeded", "has no space left"),
    "dead": (
        'writing blob: Patch "http://example.org/v2/lm/kernel-bin/blobs/uploads/1": EOF',
        "the connection to example.org was lost (EOF)",
    ),
    "reset": (
        "writing blob: write tcp 1.2.3.4:5->6.7.8.9:10: connection reset by peer",
        "was lost",
    ),
    "idle": (
        'trying to reuse blob: Get "http://example.org/v2/": http: server closed idle connection',
        "the connection to example.org was lost (closed idle connection)",
    ),
    "slow": ("Get https://example.org/v2/: net/http: TLS handshake timeout", "in time"),
    "too many requests": (
        f"{READING}: toomanyrequests: You have reached your pull rate limit",
        "got too many requests",
    ),
    "helper": (
        'error getting credentials - err: exec: "docker-credential-x": executable file not found'
        " in $PATH, out: ``",
        "credential helper",
    ),
    "missing": (f"{READING}: manifest unknown: manifest unknown", "does not have it"),
}


@pytest.mark.parametrize("name", SEEN)
def test_it_is_told_in_plain_words(name: str) -> None:
    reason, told = SEEN[name]
    error = explain(failed(reason), "it could not be pushed", REFERENCE)
    assert isinstance(error, MachineError)
    assert error.what == "it could not be pushed"
    assert told in error.why
    assert error.hint
    assert "level=" not in str(error)
    assert "\n" not in error.why


def test_a_name_that_is_none_is_the_users_mistake() -> None:
    reason = "invalid reference format: repository name must be lowercase"
    assert isinstance(explain(failed(reason), "x", "a.org/B:1"), UserError)


def test_a_blob_that_is_not_what_it_should_be_is_no_matter_of_the_registry() -> None:
    reason = "writing blob: Digest did not match, expected sha256:00, got sha256:11"
    assert isinstance(explain(failed(reason), "x", REFERENCE), VerificationError)


def test_what_nobody_foresaw_is_told_as_it_is() -> None:
    error = explain(failed('some "new" thing'), "x", REFERENCE)
    assert error.why == 'some "new" thing'
    assert error.hint == "to replay it: skopeo copy"


def test_without_a_last_word_all_that_was_said_is_told() -> None:
    error = explain(CommandFailedError(["skopeo"], -9, ["odd line"]), "x", REFERENCE)
    assert error.why == "odd line\nskopeo failed (killed by SIGKILL)"


def test_a_look_that_took_too_long_is_told() -> None:
    error = CommandFailedError(["skopeo"], -15, [], timed_out=True)
    assert "did not answer in time" in explain(error, "x", REFERENCE).why


@pytest.mark.parametrize(
    "reason",
    [
        f"{READING}: manifest unknown: manifest unknown",
        f"{READING}: manifest unknown: OCI index found, but Accept header does not support it",
        f"{READING}: name unknown: repository name not known to registry",
        "fetching tags list: invalid status code from registry 404 (Not Found)",
        "unknown: repository lm/kernel-bin not found",
        # how ghcr.io, docker.io and quay.io hide what does not exist
        f"{READING}: denied: denied",
        f"{READING}: errors:\ndenied: requested access to the resource is denied\nunauthorized:"
        " authentication required\n",
        "Requesting bear token: invalid status code from registry 403 (Forbidden)",
        f"{READING}: unauthorized: access to the requested resource is not authorized",
    ],
)
def test_these_words_mean_that_there_is_none(reason: str) -> None:
    assert is_absent(failed(reason), REFERENCE)


@pytest.mark.parametrize("name", sorted(set(SEEN) - {"missing", "denied", "forbidden", "quota"}))
def test_other_failures_do_not(name: str) -> None:
    assert not is_absent(failed(SEEN[name][0]), REFERENCE)


@pytest.mark.parametrize(
    "reason",
    [
        "open /run/containers/0/auth.json: permission denied",
        "unable to retrieve auth token: invalid username/password: unauthorized: incorrect username"
        " or password",
        "dial unix /run/x: connect: permission denied",
    ],
)
def test_what_this_machine_or_a_wrong_password_denies_is_no_such_answer(reason: str) -> None:
    assert not is_absent(failed(reason), REFERENCE)


@pytest.mark.parametrize("word", ["denied", "quota", "name-unknown", "403", "timeout"])
def test_words_in_the_name_are_not_taken_for_a_cause(word: str) -> None:
    reference = f"example.org/{word}/kernel-bin:{word}"
    reason = (
        f'Error parsing image name "docker://{reference}": reading manifest {word} in'
        f' example.org/{word}/kernel-bin: Get "https://example.org/v2/{word}/kernel-bin/x": EOF'
    )
    assert not is_absent(failed(reason), reference)
    error: IngotError = explain(failed(reason), "x", reference)
    assert "was lost" in error.why
