"""A job: one kernel to build, as a value that every engine can run.

A job builds the kernel of one recipe and pushes its images under the recipe's immutable tag. Its
name is made of the recipe key and the registry, so two clients that want the same kernel in the
same registry name the same job, and an engine runs it once.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.digest import Digest
from ingot.registry import Registry

PREFIX = "ingot-"
"""How the name of every job begins."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What one job may use at most, and what an engine reserves for it.

    `memory` and `disk` are bytes. `memory` includes the build directory if kernels are compiled in
    memory. `seconds` is the time limit of one attempt; the engine ends a job that takes longer.
    """

    cpus: int
    memory: int
    disk: int
    seconds: int


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret that a job needs as a file, by reference: the value is never part of a job.

    `name` is the secret's name and `key` one of its entries, in the terms of the engine: a Secret
    of Kubernetes and its key, or, for Slurm and local jobs, a file (`name`) that the job's user can
    read (`key` is empty). `variable` is the environment variable that has the path of the file in
    the job, such as REGISTRY_AUTH_FILE.
    """

    variable: str
    name: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One kernel to build.

    `kernel` is its name in the catalog (6.1.176-minimal-arm64) and `arch` the arch that it is for.
    `machine` is the arch of the machines that can run the job: the builder's own. A kernel for
    another arch is cross-compiled there. Both are in Ingot's spelling. `argv` are the words after
    the program `ingot`; which program that is, the engine's settings say. `registry` is where its
    images are pushed. `affinity` is the same text for jobs that use the same source tree: a machine
    that ran one of them runs the next one faster.
    """

    recipe_key: Digest
    kernel: str
    arch: str
    machine: str
    argv: tuple[str, ...]
    resources: Resources
    registry: Registry
    secrets: tuple[SecretFile, ...] = ()
    affinity: str = ""

    @property
    def name(self) -> str:
        """Its name in every engine: a DNS label, and the same for all clients.

        The same kernel for another registry is another job: what the first one pushes is not there.
        """
        target = f"{self.recipe_key} {self.registry.name}"
        return f"{PREFIX}{Digest.of(target.encode()).short}"
