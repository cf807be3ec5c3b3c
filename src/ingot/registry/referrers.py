"""Asks registries for the referrers of an image: the artifacts whose subject it is.

skopeo cannot ask for them. The list is requested without the user's credentials, which only skopeo
reads; a registry that does not show the list to everyone counts as one that has no such list.
Source: OCI distribution-spec 1.1, "Listing Referrers"; distribution/distribution, docs/spec/auth/
token.md.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingot.digest import Digest
from ingot.oci.descriptor import INDEX_TYPE
from ingot.oci.image_documents import read_json
from ingot.oci.limits import DOCUMENT_BYTES
from ingot.registry.registry_names import host_of, is_loopback

if TYPE_CHECKING:
    import requests

_SECONDS = 20.0
_PARAMETER = re.compile(r'(\w+)="([^"]{0,1000})"')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOSTS = {"docker.io": "registry-1.docker.io"}
"""The host that answers for a name of docker.io, as in every client."""


def referrers_of(
    repository: str, subject: Digest, *, insecure: bool = False
) -> list[Digest] | None:
    """The manifests that a registry lists as referrers of an image.

    None if it does not list any: it does not know such lists, refuses the list, or fails.
    `repository` is host[:port]/path.
    """
    import requests  # late: only signatures need it
    import urllib3

    host = host_of(repository)
    path = repository.removeprefix(f"{host}/")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    loose = insecure or is_loopback(repository)
    if loose:  # the user has allowed unverified certificates: no warning is needed
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    for scheme in ("https", "http") if loose else ("https",):
        url = f"{scheme}://{_HOSTS.get(host, host)}/v2/{path}/referrers/{subject}"
        with contextlib.suppress(requests.RequestException, ValueError), requests.Session() as http:
            http.verify = not loose
            http.auth = _without_credentials
            return _listed(_answer(http, url))
    return None


def _listed(data: bytes | None) -> list[Digest] | None:
    document = None if data is None else read_json(data)
    entries = document.get("manifests") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return None
    found = [entry.get("digest") for entry in entries if isinstance(entry, dict)]
    return [
        Digest.parse(each) for each in found if isinstance(each, str) and _DIGEST.fullmatch(each)
    ]


def _answer(http: requests.Session, url: str) -> bytes | None:
    """The index at this URL; None for any other answer."""
    headers = {"Accept": INDEX_TYPE}
    with _get(http, url, headers) as response:
        if response.status_code != 401:
            return _content(response)
        token = _token(http, url, response.headers.get("WWW-Authenticate", ""))
    if token is None:
        return None
    with _get(http, url, {**headers, "Authorization": f"Bearer {token}"}) as response:
        return _content(response)


def _token(http: requests.Session, url: str, challenge: str) -> str | None:
    """The token that the registry gives to everyone; None if it gives none."""
    scheme, _, rest = challenge.partition(" ")
    parameters = dict(_PARAMETER.findall(rest))
    realm = urlsplit(parameters.pop("realm", ""))
    if scheme.lower() != "bearer" or realm.scheme != urlsplit(url).scheme:
        return None
    with _get(http, realm.geturl(), {}, parameters) as response:
        data = _content(response, "")
        document = read_json(data) if data else {}
    token = document.get("token") or document.get("access_token") if document else None
    return token if isinstance(token, str) else None


@contextlib.contextmanager
def _get(
    http: requests.Session,
    url: str,
    headers: dict[str, str],
    parameters: dict[str, str] | None = None,
) -> Iterator[requests.Response]:
    with http.get(
        url, headers=headers, params=parameters, timeout=_SECONDS, stream=True
    ) as response:
        yield response


def _content(response: requests.Response, kind: str = INDEX_TYPE) -> bytes | None:
    """The body of a successful answer of this type; None for another one, and for a huge one."""
    if response.status_code != 200 or kind not in response.headers.get("Content-Type", ""):
        return None
    data = bytearray()
    for piece in response.iter_content(1 << 16):
        data += piece
        if len(data) > DOCUMENT_BYTES:
            return None
    return bytes(data)


def _without_credentials(request: Any) -> Any:
    """Keeps requests from sending a password of ~/.netrc."""
    return request
