"""The store under many writers, sudden death and a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingot.errors import MachineError
from ingot.oci import (
    Layout,
    Platform,
    collect_garbage,
    extract,
    file_entry,
    read_image,
    validate_layout,
    write_image,
    write_layer,
)
from tests.support.sample_images import image

ROOT = Path(__file__).parents[3]

WRITER = """
import itertools, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pathlib import Path
from ingot.oci import *
layout = Layout(Path(sys.argv[1]))
print("ready", flush=True)
for number in itertools.count():
    with layout.in_use():
        data = os.urandom(200_000)
        layer = write_layer(layout, [file_entry("boot/vmlinux", data)], 1)
        image = write_image(layout, [layer], Platform("linux", "amd64"), {}, {}, 1)
        layout.tag({f"kernel-bin:{number}": image, "kernel-bin:latest": image})
"""

TAGGER = """
import sys
from pathlib import Path
from ingot.oci import Layout, collect_garbage
from tests.support.sample_images import image
layout = Layout(Path(sys.argv[1]))
for number in range(4):
    with layout.in_use():
        descriptor = image(layout, f"{sys.argv[2]}.{number}")
        layout.tag({f"kernel-bin:{sys.argv[2]}.{number}": descriptor})
    collect_garbage(layout)
"""


def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )


def test_many_writers_lose_nothing(layout: Layout) -> None:
    writers = [start(TAGGER, str(layout.root), str(number)) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    expected = {f"kernel-bin:{a}.{b}" for a in range(4) for b in range(4)}
    assert set(layout.tags()) == expected
    assert validate_layout(layout) == []
    texts = {
        read_image(layout, descriptor).labels["org.example.text"]
        for descriptor in layout.tags().values()
    }
    assert {f"kernel-bin:{text}" for text in texts} == expected


def test_readers_see_all_tags_of_a_step_or_none(layout: Layout) -> None:
    one, two = image(layout, "one"), image(layout, "two")
    names = ["a:1", "b:1", "c:1"]
    layout.tag(dict.fromkeys(names, one))
    with ThreadPoolExecutor(2) as pool:
        writing = [
            pool.submit(layout.tag, dict.fromkeys(names, (one, two)[n % 2])) for n in range(20)
        ]
        while not all(future.done() for future in writing):
            assert len({d.digest for d in layout.tags().values()}) == 1


def test_a_killed_writer_leaves_a_sound_store(layout: Layout) -> None:
    pauses = random.Random(7)  # the moments differ anyway; the seed only spreads them
    for _ in range(5):
        writer = start(WRITER, str(layout.root))
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(pauses.uniform(0.0, 0.12))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert validate_layout(layout) == []
        assert not collect_garbage(layout).skipped, "a lock outlived its process"
        assert not list(layout.leftovers())
    assert validate_layout(layout) == []
    layout.untag(layout.tags())
    collect_garbage(layout)
    assert not list(layout.blobs.names())


def test_ctrl_c_leaves_no_staging_file(layout: Layout) -> None:
    writer = start(WRITER, str(layout.root))
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.1)
    writer.send_signal(signal.SIGINT)
    writer.wait()
    writer.stdout.close()
    assert not list(layout.leftovers())
    assert validate_layout(layout) == []


def test_a_killed_build_does_not_block_collection(layout: Layout, tmp_path: Path) -> None:
    holder = start(
        "import sys,time\nfrom pathlib import Path\nfrom ingot.oci import Layout\n"
        "with Layout(Path(sys.argv[1])).in_use():\n    print('held', flush=True); time.sleep(60)",
        str(layout.root),
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert collect_garbage(layout).skipped
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert not collect_garbage(layout).skipped


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 1 MiB, for root; others skip."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    return directory


def test_a_full_disk_leaves_nothing_half(small_disk: Path, tmp_path: Path) -> None:
    try:
        layout = Layout(small_disk / "images")
        kept = image(layout)
        layout.tag({"kept:1": kept})
        before = sorted(layout.root.rglob("*"))
        with pytest.raises(MachineError, match="no space left") as caught:
            write_layer(layout, [file_entry("boot/vmlinux", os.urandom(3 << 20))], 1)
        assert "free some space" in caught.value.hint
        assert sorted(layout.root.rglob("*")) == before
        assert validate_layout(layout) == []
        bulky = Layout(tmp_path / "bulky")
        layer = write_layer(bulky, [file_entry("zeros", bytes(3 << 20))], 1)
        big = read_image(bulky, write_image(bulky, [layer], Platform("l", "a"), {}, {}, 1))
        with pytest.raises(MachineError, match="no space left"):
            extract(bulky, big, small_disk / "out")
        assert [path.name for path in small_disk.iterdir()] == ["images"]
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)
