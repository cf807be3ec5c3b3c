"""The settings of a fleet, read from `fleet.toml` beside the catalog's files.

    [job]                         what one kernel needs; every engine reserves and enforces it
    cpus = 4
    memory = "6GiB"               includes the build directory, if kernels are compiled in memory
    disk = "12GiB"
    minutes = 120                 one attempt

    [local]                       what all jobs on this machine may use together
    cpus = 8                      default: every processor that this process may use
    memory = "24GiB"              default: the memory of this machine

    [[secrets]]                   a secret that every job gets as a file; see `SecretFile`
    variable = "REGISTRY_AUTH_FILE"
    name = "registry-credentials"
    key = ".dockerconfigjson"

    [kubernetes]                  see docs/fleet.md
    [slurm]

Every key is optional, and so is the file. Sizes are in units of 1024 bytes. Secrets are named here
and never written: their values belong to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ingot.files import read_text
from ingot.fleet.job import Resources, SecretFile
from ingot.toml import FileForm, Mistakes, TomlTable

FILE_NAME = "fleet.toml"

_SIZE = r"^[1-9][0-9]*(MiB|GiB)$"
_PATH = r"^/"
_OPTION = r"^--[a-z]"
_VARIABLE = r"^[A-Z][A-Z0-9_]*$"
_SIZE_OR_NONE = r"^[0-9]+(MiB|GiB)$"
_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_OPERATOR = "^(Equal|Exists)$"
_SANDBOX = "^(user-namespaces|privileged)$"
_UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}


class JobTable(TomlTable):
    """`[job]`: the resources of one job."""

    cpus: int = Field(default=4, ge=1)
    memory: str = Field(default="6GiB", pattern=_SIZE)
    disk: str = Field(default="12GiB", pattern=_SIZE)
    minutes: int = Field(default=120, ge=1)

    @property
    def resources(self) -> Resources:
        return Resources(
            cpus=self.cpus,
            memory=bytes_of(self.memory),
            disk=bytes_of(self.disk),
            seconds=self.minutes * 60,
        )


class LocalTable(TomlTable):
    """`[local]`: what all jobs on this machine may use together."""

    cpus: int | None = Field(default=None, ge=1)
    memory: str | None = Field(default=None, pattern=_SIZE)


class TolerationTable(TomlTable):
    """`[[kubernetes.tolerations]]`: as in a pod (Kubernetes API, Toleration v1 core)."""

    key: str = ""
    operator: str = Field(default="Equal", pattern=_OPERATOR)
    value: str = ""
    effect: str = ""


class KubernetesTable(TomlTable):
    """`[kubernetes]`: where and how pods run.

    `context` is one of the kubeconfig; the current one by default. `image` is an image of Ingot of
    the same version as the client. `sandbox` says what lets Ingot make its sandbox in a pod, see
    `pod_security`. `cache_claim` is a PersistentVolumeClaim for the cache, which all jobs share;
    without one each job begins with an empty cache. `build_memory` is the part of the job's memory
    for the build directory; "0MiB" puts it on the disk. `keep_minutes` is how long ended jobs and
    their logs are kept, `wait_hours` how long a job may wait for a machine.
    """

    context: str = ""
    namespace: str = Field(default="ingot", pattern=_LABEL)
    image: str = ""
    sandbox: str = Field(default="user-namespaces", pattern=_SANDBOX)
    service_account: str = ""
    image_pull_secrets: list[str] = Field(default=[])
    node_labels: dict[str, str] = Field(default={})
    tolerations: list[TolerationTable] = Field(default=[])
    priority_class: str = ""
    cache_claim: str = ""
    build_memory: str = Field(default="4GiB", pattern=_SIZE_OR_NONE)
    keep_minutes: int = Field(default=60, ge=1)
    wait_hours: int = Field(default=24, ge=1)


class SlurmTable(TomlTable):
    """`[slurm]`: where and how batch jobs run.

    `program` is the path of `ingot` on the nodes; by default a job runs the client's own Python and
    Ingot. `setup` is a shell file that a job reads first. `directory` is for logs; all nodes share
    it with the client. `constraints` has a constraint for machines of an arch, which replaces
    `constraint`. A job that is killed is started at most `attempts` times. A client asks for the
    states of its jobs every `poll_seconds`. `options` are more options of sbatch.
    """

    program: str | None = Field(default=None, pattern=_PATH)
    setup: str | None = Field(default=None, pattern=_PATH)
    directory: str | None = Field(default=None, pattern=_PATH)
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    constraints: dict[str, str] = Field(default={})
    attempts: int = Field(default=3, ge=1)
    poll_seconds: int = Field(default=5, ge=1)
    options: list[Annotated[str, Field(pattern=_OPTION)]] = Field(default=[])


class SecretTable(TomlTable):
    """`[[secrets]]`: a secret that every job gets as a file. `SecretFile` describes its keys."""

    variable: str = Field(pattern=_VARIABLE)
    name: str = Field(min_length=1)
    key: str = ""


class FleetTable(TomlTable):
    """The whole file."""

    secrets: list[SecretTable] = Field(default=[])
    job: JobTable = JobTable()
    local: LocalTable = LocalTable()
    kubernetes: KubernetesTable = KubernetesTable()
    slurm: SlurmTable = SlurmTable()


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """What a fleet needs to know: the file's tables, and what the engine of this machine needs.

    `cache` is Ingot's cache directory, `store` the image store of this machine, and `build_dir` the
    directory to compile in, if the user named one. `program` are the words that run Ingot here, and
    `environment` is what another process of Ingot gets of this one's. They are for engines that run
    jobs on this machine, or on machines that share its file system.
    """

    table: FleetTable
    cache: Path
    store: Path
    program: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    build_dir: Path | None = None

    @property
    def resources(self) -> Resources:
        return self.table.job.resources

    @property
    def secrets(self) -> tuple[SecretFile, ...]:
        """The secrets that every job gets as files, by reference."""
        return tuple(
            SecretFile(secret.variable, secret.name, secret.key) for secret in self.table.secrets
        )


_FORM = FileForm(
    FleetTable,
    {
        (): FleetTable,
        ("secrets", "NAME"): SecretTable,
        ("job",): JobTable,
        ("local",): LocalTable,
        ("kubernetes",): KubernetesTable,
        ("kubernetes", "NAME"): TolerationTable,
        ("slurm",): SlurmTable,
    },
    {
        _SIZE: 'a size in MiB or GiB, such as "6GiB"',
        _SIZE_OR_NONE: 'a size in MiB or GiB, such as "4GiB"',
        _LABEL: "a name of Kubernetes (lower-case letters, digits and -)",
        _OPERATOR: "Equal or Exists",
        _SANDBOX: "user-namespaces or privileged",
        _PATH: "a path that begins with /",
        _OPTION: 'an option, such as "--reservation=kernels"',
        _VARIABLE: "the name of an environment variable, such as REGISTRY_AUTH_FILE",
    },
)


def load_fleet_settings(
    catalog: Path,
    *,
    cache: Path,
    store: Path,
    program: tuple[str, ...],
    environment: Mapping[str, str],
    build_dir: Path | None = None,
) -> FleetSettings:
    """The settings beside the catalog in the directory `catalog`; without a file, the defaults.

    A UserError lists all mistakes of the file with their lines.
    """
    path = catalog / FILE_NAME
    text = read_text(path)
    table = FleetTable() if text is None else _FORM.read(Mistakes(path, text))
    return FleetSettings(table, cache, store, program, environment, build_dir)


def bytes_of(size: str) -> int:
    """The bytes of a size in the file, such as `6GiB`."""
    return int(size[:-3]) * _UNITS[size[-3:]]
