"""What programs see of an environment: what the table lists, and never a secret."""

from __future__ import annotations

import re

import pytest

from ingot.environment import COMMON, ENCLOSED, FIXED, TABLE, seen_by, seen_by_ingot

SECRETS = {
    name: f"secret of {name}"
    for name in (
        *("GITHUB_TOKEN", "GH_TOKEN", "ACTION_PASSWORD", "REGISTRY_PASSWORD", "CI_JOB_TOKEN"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DOCKER_AUTH_CONFIG", "NPM_TOKEN"),
        *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "COSIGN_PASSWORD"),
        *("GIT_CONFIG_PARAMETERS", "KUBECONFIG", "SUDO_ASKPASS"),
    )
}
HARMFUL = dict.fromkeys(
    (
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONHOME", "PERL5LIB"),
        *("PERL5OPT", "TAR_OPTIONS", "XZ_DEFAULTS", "XZ_OPT", "GZIP", "BASH_ENV", "ENV", "IFS"),
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_EXEC_PATH"),
        *("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX"),
        *("GIT_SHALLOW_FILE", "GIT_QUARANTINE_PATH", "GIT_EXTERNAL_DIFF", "GIT_TEMPLATE_DIR"),
        *("MAKEFLAGS", "CFLAGS", "CC", "CCACHE_DIR", "QEMU_LD_PREFIX", "SOURCE_DATE_EPOCH"),
    ),
    "/tmp/evil",
)
PLAIN = {"PATH": "/usr/bin", "TMPDIR": "/var/tmp", "LANG": "de_DE.ISO-8859-1", "HOME": "/home/me"}
PROGRAMS = [*(row.split() for row in TABLE), ["bwrap"], ["gpgv"], ["qemu-system-x86_64"], ["tar"]]


@pytest.mark.parametrize("argv", PROGRAMS, ids=" ".join)
def test_no_program_sees_a_secret_or_what_changes_its_code(argv: list[str]) -> None:
    seen = seen_by(argv, {**PLAIN, **SECRETS, **HARMFUL})
    assert not set(seen) & {*SECRETS, *HARMFUL}


@pytest.mark.parametrize("program", sorted(ENCLOSED))
def test_what_is_entered_by_strangers_has_no_environment(program: str) -> None:
    everything = {**PLAIN, **{name: "x" for row in TABLE.values() for g in row for name in g}}
    assert seen_by([program, "--unshare-all"], everything) == {}
    assert seen_by([f"/usr/bin/{program}"], everything) == {}


@pytest.mark.parametrize("program", ["gpgv", "tar", "rm", "firecracker", "made-up-tomorrow"])
def test_a_program_without_a_row_sees_what_all_see(program: str) -> None:
    seen = seen_by([program], {**PLAIN, "https_proxy": "x", "SSH_AUTH_SOCK": "x"})
    assert seen == {"PATH": "/usr/bin", "TMPDIR": "/var/tmp", **FIXED}


def test_a_program_is_known_by_its_name_wherever_it_is() -> None:
    ours = {**PLAIN, "SSH_AUTH_SOCK": "/run/agent"}
    assert seen_by(["/opt/bin/git", "fetch"], ours)["SSH_AUTH_SOCK"] == "/run/agent"


def test_what_runs_an_image_sees_no_credentials_and_no_proxy() -> None:
    ours = {
        **PLAIN,
        "REGISTRY_AUTH_FILE": "/run/auth.json",
        "https_proxy": "http://me:password@proxy",
        "CONTAINERS_STORAGE_CONF": "/etc/storage.conf",
    }
    for argv in (["podman", "run"], ["docker", "run"], ["buildah", "unshare"], ["sh", "-c"]):
        assert not {"REGISTRY_AUTH_FILE", "https_proxy"} & set(seen_by(argv, ours)), argv
    assert {"REGISTRY_AUTH_FILE", "https_proxy"} <= set(seen_by(["podman", "pull"], ours))
    assert {"REGISTRY_AUTH_FILE", "https_proxy"} <= set(seen_by(["skopeo", "copy"], ours))


def test_what_is_not_set_is_not_made_up() -> None:
    assert set(seen_by(["git"], {"PATH": "/bin"})) == {"PATH", *FIXED}


def test_settings_of_the_session_are_git_s_alone() -> None:
    ours = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    assert set(ours) < set(seen_by(["git"], ours))
    assert not set(ours) & set(seen_by(["skopeo"], ours))


def test_every_name_has_its_reason_and_none_is_a_token() -> None:
    groups = [COMMON, *(group for row in TABLE.values() for group in row)]
    for name, reason in ((name, reason) for group in groups for name, reason in group.items()):
        assert len(reason.split()) >= 2, name
        assert not re.search(r"TOKEN(?!_FILE)|PASSWORD(?!_STORE_DIR)|SECRET|_KEY$", name)
        assert not name.startswith(("LD_", "PYTHON", "PERL"))
        assert name.removesuffix("*").isidentifier()


def test_another_process_of_ingot_gets_what_any_of_its_programs_gets() -> None:
    ours = {
        "PATH": "/usr/bin",
        "REGISTRY_AUTH_FILE": "/auth.json",
        "https_proxy": "http://proxy",
        "GIT_CONFIG_KEY_0": "a",
        "REGISTRY_PASSWORD": "secret",
        "LD_PRELOAD": "evil.so",
    }
    kept = {"PATH", "REGISTRY_AUTH_FILE", "https_proxy", "GIT_CONFIG_KEY_0"}
    assert set(seen_by_ingot(ours)) == kept
