"""Runs skopeo, which handles credentials, mirrors, certificates and retries.

skopeo reads credentials as described in containers-auth.json(5): from REGISTRY_AUTH_FILE, from the
file of `skopeo login`, and from docker's config.json with its credential helpers. Ingot does not
read any of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from ingot.errors import MachineError, UserError
from ingot.files import tree_size
from ingot.process import CommandFailedError, run

RETRIES = ("--retry-times", "2")
_WORKERS = 6
_LOOK_SECONDS = 120.0
_AWAKE_SECONDS = 0.5
_WARNING_BYTES = 1 << 20
_WATCH_SECONDS = 0.5
# skopeo's warnings are in the same stream as its answer
_WARNINGS = re.compile(rb'\A(?:time="[^\n]*\n)+')

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def answer(words: Sequence[str], limit: int) -> bytes:
    """The exact output of skopeo; CommandFailedError if it fails or takes too long.

    MachineError for more than `limit` bytes.
    """
    with tempfile.TemporaryDirectory(prefix="ingot-look-") as directory:
        log = Path(directory) / "answer"
        run(["skopeo", *words], log=log, timeout=_LOOK_SECONDS, keep_output=False)
        with log.open("rb") as file:
            data = file.read(limit + _WARNING_BYTES + 1)
    data = _WARNINGS.sub(b"", data)
    if len(data) > limit:
        raise MachineError(
            f"the answer of {words[-1]} is too large to be read",
            why=f"it has more than {limit:,} bytes, far more than a valid answer",
        )
    return data


@contextlib.contextmanager
def watched(directory: Path, limit: int) -> Iterator[int]:
    """A file descriptor that is readable once `directory` has more than `limit` bytes, for `stop`.

    A registry can send more than it announced, without an end. UserError at the end of the context
    if the limit was exceeded.
    """
    stop, notify = os.pipe()
    ended = threading.Event()
    exceeded = False

    def look() -> None:
        nonlocal exceeded
        while not exceeded and not ended.wait(_WATCH_SECONDS):
            if tree_size(directory) > limit:
                exceeded = True
                os.write(notify, b"x")

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield stop
    except CommandFailedError:
        if not exceeded:
            raise
    finally:
        ended.set()
        watcher.join()
        os.close(stop)
        os.close(notify)
    if exceeded:
        raise UserError(
            "the image is too large to be fetched",
            why=f"the registry sent more than {limit >> 20:,} MiB",
            hint="the data was discarded; rebuild the image or use another one",
        )


@contextlib.contextmanager
def layout_name(root: Path, tag: str) -> Iterator[str]:
    """skopeo's name of an image in an OCI layout (containers-transports(5), "oci:path:tag").

    skopeo would split a path at a colon, so such a path is replaced by a link in this context.
    """
    if ":" not in str(root):
        yield f"oci:{root}:{tag}"
        return
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ingot-name-") as directory:
        link = Path(directory) / "layout"
        link.symlink_to(root.absolute())
        yield f"oci:{link}:{tag}"


def at_once(
    work: Callable[[_Item], _Result],
    items: Sequence[_Item],
    on_done: Callable[[int], None] | None = None,
) -> list[_Result]:
    """Call `work` with every item, several at a time; the results are in the items' order.

    For programs that mostly wait for the network. After an error no new items are started; those
    in progress are waited for, and the first error is raised. `on_done` is called in the caller's
    thread with the number of finished items.

    An interrupt does not wait: the threads end with the process, and each thread's program with
    the thread (`ingot.process`).
    """
    waiting = deque(enumerate(items))
    done: SimpleQueue[tuple[int, _Result] | BaseException | None] = SimpleQueue()

    def worker() -> None:
        with contextlib.suppress(IndexError):
            while True:
                number, item = waiting.popleft()
                try:
                    done.put((number, work(item)))
                except BaseException as error:
                    waiting.clear()
                    done.put(error)
        done.put(None)

    workers = min(_WORKERS, len(items))
    results: dict[int, _Result] = {}
    errors: list[BaseException] = []
    try:
        for _ in range(workers):
            threading.Thread(target=worker, daemon=True).start()
        while workers:
            match _next(done):
                case None:
                    workers -= 1
                case (number, result):
                    results[number] = result
                    if on_done:
                        on_done(len(results))
                case error:
                    errors.append(error)
    finally:
        waiting.clear()
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]


def _next(queue: SimpleQueue[_Item]) -> _Item:
    """The queue's next item. It wakes up regularly: Python handles a signal only between two
    bytecodes, so one that arrives in another thread or just before the wait would be delayed."""
    while True:
        with contextlib.suppress(Empty):
            return queue.get(timeout=_AWAKE_SECONDS)
