"""HTTP sessions, and clear error messages for their failures.

Import this module only when a download begins: `requests` takes a third of a second to load.
requests reads the settings of proxies and certificates from the environment.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from ingot import __version__
from ingot.errors import OWN_SOURCE, MachineError
from ingot.web import without_secrets

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
_BACKOFF_SECONDS = 0.5
_STATUS_TRIES = 3
_BUSY = (429, 500, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_REDIRECTS = 5
_SLOW_SECONDS = 60.0
_SLOWEST = 1 << 10
"""After _SLOW_SECONDS, a server that has sent fewer bytes per second than this is given up."""

_CHUNK = 1 << 16


class DownloadError(MachineError):
    """A server was not reached, or refused the file. `status` is the HTTP status, or 0."""

    def __init__(self, what: str, *, why: str = "", status: int = 0) -> None:
        super().__init__(what, why=without_secrets(why), hint=f"check the network, or {OWN_SOURCE}")
        self.status = status


class BrokenOffError(DownloadError):
    """The connection broke during the transfer."""


class _Session(requests.Session):
    """A session without redirects, which `get` follows: requests would read their whole bodies."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        del resp
        return None


def session(*, https_only: bool = False) -> requests.Session:
    """A session with a short connection timeout and without retries; `get` retries busy servers.

    With `https_only` plain HTTP is refused, even if a server redirects to it.
    """
    new = _Session()
    new.adapters.clear()  # without an adapter for a scheme, requests refuses its addresses
    for scheme in ("https://",) if https_only else ("http://", "https://"):
        new.mount(scheme, HTTPAdapter(max_retries=0))
    # Without "identity" a server may compress, and offsets would refer to the compressed bytes.
    new.headers.update({"User-Agent": f"ingot/{__version__}", "Accept-Encoding": "identity"})
    return new


def get(client: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    """Begin a GET; DownloadError if no server answers. The caller checks the status.

    Redirects are followed, and a busy server is tried again. The bodies of such responses can be
    endless and are never read; requests and urllib3 would read them.
    """
    for _ in range(_REDIRECTS + 1):
        response = _get_once(client, url, headers)
        target = response.headers.get("Location")
        if response.status_code not in _MOVED or not target:
            return response
        response.close()
        try:
            url = urljoin(response.url, target)
            host = urlsplit(url).hostname
        except ValueError as error:
            raise DownloadError(
                "the server redirects to an invalid address", why=str(error)
            ) from error
    raise DownloadError(f"{host} redirects more than {_REDIRECTS} times", why=url)


def _get_once(client: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    for attempt in range(_STATUS_TRIES):
        try:
            response = client.get(
                url,
                headers=headers,
                stream=True,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                allow_redirects=False,
            )
        except (requests.RequestException, ValueError) as error:
            raise DownloadError(reason(error, url), why=url) from error
        if response.status_code not in _BUSY or attempt == _STATUS_TRIES - 1:
            break
        response.close()
        time.sleep(_BACKOFF_SECONDS * attempt)
    return response


def body(response: requests.Response) -> Iterator[bytes]:
    """The raw bytes of a response, in pieces as they arrive.

    BrokenOffError if the connection breaks, or if the server is too slow.
    """
    begun, done = time.monotonic(), 0
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            done += len(chunk)
            seconds = time.monotonic() - begun
            if seconds > _SLOW_SECONDS and done < seconds * _SLOWEST:
                raise BrokenOffError("the server sends too slowly", why=response.url)
            yield chunk
    except (urllib3.exceptions.HTTPError, OSError, http.client.HTTPException) as error:
        raise BrokenOffError(reason(error, response.url), why=response.url) from error


def check_status(response: requests.Response, *good: int) -> None:
    """Raise DownloadError unless the response has one of the `good` statuses."""
    if response.status_code not in good:
        raise DownloadError(
            f"HTTP {response.status_code}", why=response.url, status=response.status_code
        )


def fetch_bytes(url: str, limit: int, *, https_only: bool = False) -> bytes:
    """A small file, at most `limit` bytes, in memory."""
    with session(https_only=https_only) as client, get(client, url, {}) as response:
        check_status(response, 200)
        data = bytearray()
        for chunk in body(response):
            data += chunk
            if len(data) > limit:
                raise DownloadError(f"the file is larger than {limit} bytes", why=url)
    return bytes(data)


def reason(error: BaseException, url: str) -> str:
    """Why a request failed, in a few words."""
    host = _host(url)
    causes = list(_causes(error))
    for kind, text in (
        (urllib3.exceptions.ProxyError, "the proxy refused or did not answer"),
        (urllib3.exceptions.NameResolutionError, f"cannot resolve host {host}"),
        (ConnectionRefusedError, f"connection refused by {host}"),
        (urllib3.exceptions.ConnectTimeoutError, f"no answer from {host}"),
        (urllib3.exceptions.SSLError, f"no trusted TLS connection to {host}"),
        (urllib3.exceptions.ReadTimeoutError, f"{host} stopped sending"),
        (urllib3.exceptions.IncompleteRead, f"the connection to {host} broke"),
        (ConnectionError, f"the connection to {host} broke"),
        (urllib3.exceptions.ProtocolError, f"the connection to {host} broke"),
        (urllib3.exceptions.NewConnectionError, f"cannot reach {host}"),
        (requests.exceptions.InvalidSchema, "an address that is not HTTPS is refused"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return text
    return f"request to {host} failed ({type(error).__name__})"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or without_secrets(url)
    except ValueError:
        return without_secrets(url)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all its causes: requests and urllib3 wrap them in several ways."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        item = queue.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        inner = [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]
        queue.extend(inner)
