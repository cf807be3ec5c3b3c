"""A wire between a client and a registry that counts what goes over it, and can be cut."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator

_CHUNK = 1 << 16
_REQUEST = re.compile(rb"^([A-Z]+) (/v2/[^ ]*) HTTP/1\.1\r$", re.MULTILINE)


class Wire:
    """A TCP proxy on loopback. `address` is its host:port.

    It is cut as soon as clients have sent more than `limit` bytes in all, or the text `cut_at`:
    from then on nothing gets through, until `mend`. `on_cut` is called when that happens.
    """

    def __init__(
        self,
        to: tuple[str, int],
        limit: int | None,
        cut_at: bytes | None,
        on_cut: Callable[[], None],
    ) -> None:
        self._to = to
        self._on_cut = on_cut
        self._limit = limit
        self._cut_at = cut_at
        self._cut = threading.Event()
        self._lock = threading.Lock()
        self._heard: list[bytearray] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    @property
    def sent(self) -> int:
        """The bytes that clients sent."""
        with self._lock:
            return sum(map(len, self._heard))

    @property
    def requests(self) -> list[tuple[str, str]]:
        """What was asked of the registry: methods and paths, those of a connection in order."""
        with self._lock:
            streams = [bytes(stream) for stream in self._heard]
        return [
            (method.decode(), path.decode())
            for stream in streams
            for method, path in _REQUEST.findall(stream)
        ]

    @property
    def is_cut(self) -> bool:
        return self._cut.is_set()

    def forget(self) -> None:
        """Count from zero again."""
        with self._lock:
            self._heard.clear()

    def mend(self) -> None:
        """Let everything through from now on."""
        self._limit = self._cut_at = None
        self._cut.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else whoever waits in accept stays there
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._cut.is_set():
                client.close()
                continue
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            heard = bytearray()
            with self._lock:
                self._heard.append(heard)
            for source, target, stream in ((client, server, heard), (server, client, None)):
                threading.Thread(
                    target=self._pass_on, args=(source, target, stream), daemon=True
                ).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, heard: bytearray | None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if heard is not None:
                    with self._lock:
                        heard += data
                    self._judge(heard)
                if self._cut.is_set():
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _judge(self, heard: bytearray) -> None:
        too_much = self._limit is not None and self.sent > self._limit
        with self._lock:
            seen = self._cut_at is not None and self._cut_at in heard
            first = (too_much or seen) and not self._cut.is_set()
            if first:
                self._cut.set()
        if first:
            self._on_cut()


@contextlib.contextmanager
def wire(
    address: str,
    *,
    limit: int | None = None,
    cut_at: bytes | None = None,
    on_cut: Callable[[], None] = lambda: None,
) -> Iterator[Wire]:
    """Put a wire before the host:port `address`."""
    host, _, port = address.rpartition(":")
    made = Wire((host, int(port)), limit, cut_at, on_cut)
    try:
        yield made
    finally:
        made.close()
