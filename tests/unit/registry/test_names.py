"""What is a registry, what a repository, and which may go without TLS."""

from __future__ import annotations

import pytest

from ingot.errors import UserError
from ingot.registry import Registry, check_registry, host_of, is_loopback, repository_of
from ingot.registry.registry_names import tls_arguments


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "localhost:5000",
        "localhost:5000/foo/bar",
        "127.0.0.1",
        "127.0.0.1:5000/foo",
        "127.1.2.3:5000",
        "[::1]:5000/foo",
        "[::1]/foo",
    ],
)
def test_this_machine_is_loopback(name: str) -> None:
    assert is_loopback(name)
    assert tls_arguments(name, "--tls-verify", insecure=False) == ["--tls-verify=false"]


@pytest.mark.parametrize(
    "name",
    [
        "ghcr.io/weaveworks-liquidmetal",
        "docker.io/localhost",
        "localhost.example.org:5000",
        "127.0.0.1.example.org",
        "example.org/127.0.0.1",
        "10.0.0.1:5000",
        "[2001:db8::1]:5000",
        "0.0.0.0:5000",
        "",
        ":5000",
    ],
)
def test_everything_else_must_speak_tls_unless_the_user_says_so(name: str) -> None:
    assert not is_loopback(name)
    assert tls_arguments(name, "--tls-verify", insecure=False) == []
    assert tls_arguments(name, "--tls-verify", insecure=True) == ["--tls-verify=false"]


@pytest.mark.parametrize(
    "name",
    [
        "docker.io/foobar",
        "ghcr.io",
        "localhost:5000",
        "localhost:5000/some/path",
        "foobar",
        "[::1]:5000/foo",
        "Example.org:443/a_b/c-d.e__f",
    ],
)
def test_a_name_of_a_registry_is_taken(name: str) -> None:
    assert check_registry(name) == check_registry(f"{name}/") == name
    assert Registry(name).reference("kernel-bin:6.1") == f"{name}/kernel-bin:6.1"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "https://ghcr.io",
        "docker://ghcr.io/foo",
        "ghcr.io/Foo",
        "ghcr.io/foo:6.1",
        "ghcr.io/foo@sha256:00",
        "ghcr.io//foo",
        "ghcr.io/foo bar",
        "--help",
        "ghcr.io:/foo",
        "-ghcr.io",
    ],
)
def test_what_is_no_name_of_a_registry_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="not a name of a registry"):
        check_registry(name)


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        ("ghcr.io/a/b:1", "ghcr.io"),
        ("localhost/b", "localhost"),
        ("localhost:5000/b@sha256:00", "localhost:5000"),
        ("foobar/kernel-bin:6.1", "docker.io"),
        ("docker://ghcr.io/a", "ghcr.io"),
        ("ghcr.io", "ghcr.io"),
    ],
)
def test_credentials_are_kept_by_host(reference: str, host: str) -> None:
    assert host_of(reference) == host


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("localhost:5000/foo:1", "localhost:5000/foo"),
        ("localhost:5000/foo", "localhost:5000/foo"),
        ("localhost:5000/foo@sha256:00", "localhost:5000/foo"),
        ("a.org/foo:1@sha256:00", "a.org/foo"),
    ],
)
def test_a_repository_has_no_tag_and_no_digest(reference: str, repository: str) -> None:
    assert repository_of(reference) == repository
