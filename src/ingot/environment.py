"""The table of environment variables that each program gets from this process.

An environment holds tokens and passwords, and every user who can read /proc/<id>/environ sees
them. So no program inherits the environment. A program gets `PATH`, the variables in `COMMON`,
and those in its row of the table, each with the reason. A program without a row gets nothing
more.

Variables that Ingot itself sets for a program are added by the caller (`process.run`, `env`).

Never in a row: variables that contain a token or a password (the name of a file or a socket that
holds one is fine); `GIT_DIR` and others that select a repository; `LD_*`, `PYTHON*`, `PERL5*`,
`TAR_OPTIONS` and others that change a program's code or its options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath

Names = Mapping[str, str]
"""Names of variables, which can end in `*`, each with the reason why it is passed on."""

FIXED: Mapping[str, str] = {"LANG": "C.UTF-8"}
"""Variables with a fixed value in every program: Ingot and its users read English output."""

COMMON: Names = {
    "TMPDIR": "the directory that the user chose for temporary files",
}

NETWORK: Names = {
    **{
        name: "the proxy of a network without direct access"
        for proxy in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
        for name in (proxy, proxy.upper())
    },
    "no_proxy": "the hosts that are reached without the proxy",
    "NO_PROXY": "the hosts that are reached without the proxy",
    "SSL_CERT_FILE": "the authorities that certificates are checked with",
    "SSL_CERT_DIR": "the authorities that certificates are checked with",
}

HOME: Names = {
    "HOME": "the user's own configuration of the program",
    "XDG_CONFIG_HOME": "the same, where it is not below HOME/.config",
}

KEYCHAINS: Names = {
    "XDG_RUNTIME_DIR": "containers/auth.json, and the sockets of agents and of rootless engines",
    "DBUS_SESSION_BUS_ADDRESS": "a credential helper that asks the desktop's keychain",
    "GNUPGHOME": "a credential helper that keeps passwords encrypted",
    "PASSWORD_STORE_DIR": "a credential helper that keeps passwords encrypted",
    "AWS_PROFILE": "docker-credential-ecr-login: which account of its file",
    "AWS_REGION": "docker-credential-ecr-login: where the registry is",
    "AWS_DEFAULT_REGION": "docker-credential-ecr-login: where the registry is",
    "AWS_CONFIG_FILE": "docker-credential-ecr-login: its file",
    "AWS_SHARED_CREDENTIALS_FILE": "docker-credential-ecr-login: its file",
    "AWS_ROLE_ARN": "docker-credential-ecr-login: the role that the token file is for",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "docker-credential-ecr-login: its file",
    "CLOUDSDK_CONFIG": "docker-credential-gcloud: its files",
    "GOOGLE_APPLICATION_CREDENTIALS": "docker-credential-gcr: its file",
}

REGISTRIES: Names = {
    **KEYCHAINS,
    "REGISTRY_AUTH_FILE": "the file of credentials, if it is not the usual one",
    "DOCKER_CONFIG": "docker's directory of credentials and helpers, if it is not the usual one",
    "CONTAINERS_REGISTRIES_CONF": "mirrors and short names of registries",
    "REGISTRIES_CONFIG_PATH": "the same, by its older name",
}

STORAGE: Names = {
    "HOME": "images of an ordinary user are below it",
    "XDG_CONFIG_HOME": "storage.conf and containers.conf, where they are not below HOME/.config",
    "XDG_DATA_HOME": "images of an ordinary user, where they are not below HOME/.local/share",
    "XDG_RUNTIME_DIR": "the locks of that storage",
    "CONTAINERS_CONF": "the engine's configuration, if it is not the usual one",
    "CONTAINERS_STORAGE_CONF": "where images are, if it is not the usual place",
    "STORAGE_DRIVER": "how images are kept",
    "STORAGE_OPTS": "how images are kept",
}

DAEMON: Names = {
    "HOME": "docker's contexts are below it",
    "XDG_RUNTIME_DIR": "the socket of a daemon without root",
    "DOCKER_CONFIG": "docker's contexts, if they are not in the usual directory",
    "DOCKER_CONTEXT": "which daemon",
    "DOCKER_HOST": "which daemon",
    "DOCKER_TLS_VERIFY": "whether the daemon must show a certificate",
    "DOCKER_CERT_PATH": "the certificates of that connection",
    "DOCKER_API_VERSION": "the API version of an old daemon",
    "SSH_AUTH_SOCK": "a daemon that is reached by ssh",
}

PODMAN_SERVICE: Names = {
    "CONTAINER_HOST": "which service",
    "CONTAINER_CONNECTION": "which service",
    "CONTAINER_SSHKEY": "the key file of that connection",
    "SSH_AUTH_SOCK": "a service that is reached by ssh",
}

GIT: Names = {
    **HOME,
    "XDG_CACHE_HOME": "the socket of git-credential-cache",
    "XDG_RUNTIME_DIR": "the sockets of agents",
    "DBUS_SESSION_BUS_ADDRESS": "a credential helper that asks the desktop's keychain",
    "SSH_AUTH_SOCK": "the agent that has the keys: sources may be fetched by ssh",
    "GIT_SSH_COMMAND": "the user's ssh command, such as with a deploy key: a source over ssh"
    " cannot be fetched otherwise",
    "GIT_SSH": "the same, by its older name",
    "GIT_SSH_VARIANT": "which options that program accepts",
    "GIT_ASKPASS": "a program that prints the password",
    "GIT_SSL_CAINFO": "the authorities that certificates are checked with",
    "GIT_SSL_CAPATH": "the authorities that certificates are checked with",
    "GIT_CONFIG_GLOBAL": "the user's configuration, if it is not the usual file",
    "GIT_CONFIG_SYSTEM": "the machine's configuration, if it is not the usual file",
    "GIT_CONFIG_NOSYSTEM": "whether the machine's configuration is read",
    "GIT_CONFIG_COUNT": "settings of this session: CI declares safe repositories with them",
    "GIT_CONFIG_KEY_*": "settings of this session",
    "GIT_CONFIG_VALUE_*": "settings of this session",
    "GIT_TRACE_PACKET": "git's trace of the protocol, for finding faults",
}

SLURM: Names = {
    "SLURM_CONF": "the cluster, if its configuration is not the usual file",
    "SLURM_CLUSTERS": "which of several clusters",
}

APT: Names = {**NETWORK, "APT_CONFIG": "apt's configuration, if it is not the usual one"}

TABLE: Mapping[str, tuple[Names, ...]] = {
    "git": (GIT, NETWORK),
    # runs git with limits where git reads what a server sends
    "prlimit": (GIT, NETWORK),
    "skopeo": (HOME, REGISTRIES, STORAGE, DAEMON, NETWORK),
    "docker": (DAEMON, REGISTRIES, NETWORK),
    "docker run": (DAEMON,),
    "podman": (STORAGE, REGISTRIES, PODMAN_SERVICE, NETWORK),
    # without NETWORK: podman passes proxies, and the passwords in them, on to the container
    "podman run": (STORAGE, PODMAN_SERVICE),
    "buildah": (STORAGE, REGISTRIES, NETWORK),
    "buildah unshare": (STORAGE,),
    # only the shell around `buildah run` (builder/container_run.py)
    "sh": (STORAGE,),
    "apt-get": (APT,),
    # sbatch passes its environment on to the jobs, and the cache of a job is below HOME
    "sbatch": (SLURM, HOME),
    "squeue": (SLURM,),
    "scontrol": (SLURM,),
    "scancel": (SLURM,),
    "sacct": (SLURM,),
    # apt-get is started by `env`, and for an ordinary user by `sudo`, which passes on the
    # variables that its own configuration allows
    "env": (APT,),
    "sudo": (APT,),
    "mmdebstrap": (APT,),
}
"""What each program sees in addition. A key of two words is for that verb of the program."""

ENCLOSED = frozenset({"bwrap"})
"""Programs that get no environment at all, because the code they run could read it."""


def runs_others(argv: Sequence[str]) -> bool:
    """Whether this program runs untrusted code."""
    program = PurePath(argv[0]).name
    return (
        program in _RUNNERS
        or program.startswith("qemu-system-")
        or " ".join([program, *argv[1:2]]) in _RUNNERS
    )


def _groups(argv: Sequence[str]) -> tuple[Names, ...]:
    program = PurePath(argv[0]).name
    return TABLE.get(" ".join([program, *argv[1:2]])) or TABLE.get(program, ())


_RUNNERS = frozenset(
    {
        *("bwrap", "unshare", "sh", "firecracker", "cloud-hypervisor"),
        *("docker run", "podman run", "buildah unshare", "buildah run"),
    }
)


def seen_by(argv: Sequence[str], ours: Mapping[str, str]) -> dict[str, str]:
    """The part of `ours`, an environment, that this command's program gets.

    `PATH` is passed on unchanged. Empty for the programs in `ENCLOSED`.
    """
    program = PurePath(argv[0]).name
    if program in ENCLOSED:
        return {}
    patterns = ("PATH", *(name for group in (COMMON, *_groups(argv)) for name in group))
    seen = {name: ours[name] for pattern in patterns for name in _matching(pattern, ours)}
    return {**seen, **FIXED}


def seen_by_ingot(ours: Mapping[str, str]) -> dict[str, str]:
    """The part of `ours` that another process of Ingot gets: what any program in the table gets."""
    groups = (COMMON, *(group for row in TABLE.values() for group in row))
    patterns = dict.fromkeys(["PATH", *(name for group in groups for name in group)])
    return {name: ours[name] for pattern in patterns for name in _matching(pattern, ours)}


def _matching(pattern: str, ours: Mapping[str, str]) -> list[str]:
    if not pattern.endswith("*"):
        return [pattern] if pattern in ours else []
    return [name for name in ours if fnmatchcase(name, pattern)]
