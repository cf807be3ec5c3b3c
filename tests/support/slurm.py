"""A real Slurm cluster on loopback: a controller and nodes, which a test can kill.

    <directory>/slurm.conf        what SLURM_CONF names
    <directory>/<daemon>.log      munged, slurmctld, and a slurmd for each node
    <directory>/state, spool-<node>

Each node is a PID namespace: killing its first process ends all that runs on it, as a power cut
would. The nodes share the file system, as the nodes of clusters do. It needs root, for the
namespaces and since slurmd becomes the user of a job. Debian's slurmctld has no accounting here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.registries import LOOPBACK, free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "squeue", "unshare", "nsenter")
_PATIENCE_SECONDS = 60.0
_MEMORY_MIB = 4096

_INIT = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel removes children that have ended
while True:
    signal.pause()
"""
"""The first process of a node's PID namespace."""

_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}({address})
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire={requeue_seconds},socket={directory}/munge.socket
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdSpoolDir={directory}/spool-%n
SlurmdPidFile={directory}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout={node_seconds}
KillWait=2
MinJobAge={memory_seconds}
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
"""slurm.conf(5). Real clusters have cgroups; a container in which tests run may not."""


@dataclass
class _Node:
    """The processes of a node, outside of its namespace."""

    namespace: subprocess.Popen[bytes]
    daemon: subprocess.Popen[bytes] | None = None


@dataclass
class SlurmCluster:
    """A cluster that runs."""

    directory: Path
    names: Sequence[str]
    _nodes: dict[str, _Node] = field(default_factory=dict)

    @property
    def configuration(self) -> Path:
        return self.directory / "slurm.conf"

    def run(self, *words: str) -> str:
        """The output of one of Slurm's programs."""
        done = subprocess.run(
            words,
            env={**os.environ, "SLURM_CONF": str(self.configuration)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def start_node(self, name: str) -> None:
        """Boot a node, if it does not run, and start its slurmd."""
        node = self._nodes.get(name)
        if node is None:
            words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
            node = _Node(subprocess.Popen([*words, sys.executable, "-S", "-c", _INIT]))
            self._nodes[name] = node
        words = ["nsenter", f"--target={self._first_process(node)}", "--pid", "--mount"]
        node.daemon = self._spawn(f"slurmd-{name}", *words, "slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """End all processes of a node at once."""
        node = self._nodes.pop(name)
        node.namespace.kill()
        node.namespace.wait()
        if node.daemon:
            node.daemon.wait()

    def kill_daemon(self, name: str) -> None:
        """End only slurmd on a node: its jobs go on."""
        node = self._nodes[name]
        assert node.daemon
        (slurmd,) = _children(node.daemon.pid)
        os.kill(slurmd, 9)
        node.daemon.wait()

    def declare_down(self, name: str) -> None:
        """Tell the controller that a node is lost, which it finds out itself after a while."""
        self.run("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=killed")

    def processes(self, name: str) -> dict[int, list[str]]:
        """The command lines of all processes on a node, by their process ID outside of it."""
        node = self._nodes.get(name)
        if node is None:
            return {}
        space = Path(f"/proc/{self._first_process(node)}/ns/pid").readlink()
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "ns/pid").readlink() == space:
                    words = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                    found[int(entry.name)] = [os.fsdecode(word) for word in words]
        return found

    def job_processes(self) -> dict[int, list[str]]:
        """The processes on all nodes except Slurm's own."""
        return {
            number: words
            for name in self.names
            for number, words in self.processes(name).items()
            if words and "slurm" not in words[0] and _INIT not in words
        }

    def states(self) -> dict[str, str]:
        """The state of each node, such as `idle` or `down*`."""
        lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %t").splitlines()
        return dict(line.split() for line in lines)

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self.logs()}"
            time.sleep(0.1)

    def logs(self) -> str:
        """The last lines of all daemons."""
        paths = sorted(self.directory.glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in paths)

    def _first_process(self, node: _Node) -> int:
        self.wait_for(lambda: bool(_children(node.namespace.pid)), "the node")
        return _children(node.namespace.pid)[0]

    def _spawn(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                words,
                env={**os.environ, "SLURM_CONF": str(self.configuration)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _munged(self) -> subprocess.Popen[bytes]:
        key = self.directory / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        files = {name: self.directory / f"munge.{name}" for name in ("socket", "pid", "seed")}
        return self._spawn(
            "munged",
            *("munged", "--foreground", "--force", f"--key-file={key}"),
            f"--socket={files['socket']}",
            f"--pid-file={files['pid']}",
            f"--seed-file={files['seed']}",
            f"--log-file={self.directory}/munge.log",
        )


def require_slurm() -> None:
    """Skip the test if this machine or this user cannot run a cluster."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    if missing := [program for program in PROGRAMS if not shutil.which(program, path=path)]:
        pytest.skip(f"not installed: {', '.join(missing)}; scripts/run-tests installs them")
    if os.geteuid() != 0:
        pytest.skip("a Slurm cluster needs root: slurmd becomes the user of a job")
    probe = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow PID namespaces, which are the cluster's nodes")


@contextlib.contextmanager
def slurm_cluster(
    directory: Path,
    names: Sequence[str] = ("a", "b"),
    *,
    cpus: int = 2,
    node_seconds: int = 300,
    requeue_seconds: int = 5,
    memory_seconds: int = 300,
) -> Iterator[SlurmCluster]:
    """Run a cluster below `directory`; the test is skipped if that is not possible.

    A node that does not answer is down after about `node_seconds`. A job that is queued again
    waits for `requeue_seconds`, at least 5. The controller forgets an ended job after
    `memory_seconds`.
    """
    require_slurm()
    directory.mkdir(parents=True)
    (directory / "state").mkdir()
    directory.chmod(0o755)  # munged refuses a socket that other users cannot reach
    cluster = SlurmCluster(directory, names)
    node = f"NodeAddr={LOOPBACK} NodeHostname=localhost CPUs={cpus} RealMemory={_MEMORY_MIB}"
    text = _CONFIGURATION.format(
        host=os.uname().nodename,
        address=LOOPBACK,
        port=free_port(LOOPBACK),
        directory=directory,
        node_seconds=node_seconds,
        requeue_seconds=requeue_seconds,
        memory_seconds=memory_seconds,
        nodes="\n".join(
            f"NodeName={name} {node} Port={free_port(LOOPBACK)} Feature={os.uname().machine}"
            for name in names
        ),
    )
    cluster.configuration.write_text(text)
    started = [cluster._munged()]
    try:
        cluster.wait_for((directory / "munge.socket").exists, "munged")
        started.append(cluster._spawn("slurmctld", "slurmctld", "-D", "-i"))
        for name in names:
            cluster.start_node(name)
        cluster.wait_for(lambda: _all_idle(cluster), "the nodes")
        yield cluster
    finally:
        for name in list(cluster._nodes):
            cluster.kill_node(name)
        for process in reversed(started):
            process.kill()
            process.wait()


def _all_idle(cluster: SlurmCluster) -> bool:
    with contextlib.suppress(AssertionError):  # the controller does not answer yet
        states = cluster.states()
        return len(states) == len(cluster.names) and set(states.values()) == {"idle"}
    return False


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(word) for word in path.read_text().split()]
