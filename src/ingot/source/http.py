"""One HTTP session, and what its failures are called in plain words.

Only imported by what is about to download: `requests` takes a third of a second to load.
Proxies and certificates come from the environment, as everywhere with requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ingot import __version__
from ingot.errors import MachineError

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
_BACKOFF_SECONDS = 0.5
_CHUNK = 1 << 16


class DownloadError(MachineError):
    """A server was not reached, or would not give the file. `status` is 0 or HTTP's."""

    def __init__(self, what: str, *, why: str = "", status: int = 0) -> None:
        super().__init__(what, why=why, hint="check the network, or use `--source PATH`")
        self.status = status


class BrokenOffError(DownloadError):
    """The connection broke while the file was coming."""


def session(*, https_only: bool = False) -> requests.Session:
    """A session that asks again when a server is busy, and gives up fast when none answers.

    With `https_only` nothing is asked in the clear, not even where a server redirects to it.
    """
    retry = Retry(
        total=None,
        connect=0,
        read=0,
        redirect=5,
        status=2,
        backoff_factor=_BACKOFF_SECONDS,
        status_forcelist=(429, 500, 502, 503, 504),
        respect_retry_after_header=False,  # a build does not wait for minutes unasked
        raise_on_status=False,
    )
    new = requests.Session()
    new.adapters.clear()  # without an adapter for a scheme, requests refuses its addresses
    for scheme in ("https://",) if https_only else ("http://", "https://"):
        new.mount(scheme, HTTPAdapter(max_retries=retry))
    # Without "identity" a server may compress, and offsets would be of something else.
    new.headers.update({"User-Agent": f"ingot/{__version__}", "Accept-Encoding": "identity"})
    return new


def get(client: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    """Begin a GET; DownloadError if nobody answers. The status is for the caller to judge."""
    try:
        return client.get(
            url, headers=headers, stream=True, timeout=(_CONNECT_SECONDS, _READ_SECONDS)
        )
    except requests.RequestException as error:
        raise DownloadError(reason(error, url), why=url) from error


def body(response: requests.Response) -> Iterator[bytes]:
    """The bytes of a response as sent; BrokenOffError if they stop before they should."""
    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except urllib3.exceptions.HTTPError as error:
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
                raise DownloadError(f"more than {limit} bytes came for a small file", why=url)
    return bytes(data)


def reason(error: BaseException, url: str) -> str:
    """Why a request failed, in a few words."""
    host = urlsplit(url).hostname or url
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
        (requests.TooManyRedirects, f"{host} redirects without end"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return text
    return f"request to {host} failed ({type(error).__name__})"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all it came from: requests and urllib3 wrap in several ways."""
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
