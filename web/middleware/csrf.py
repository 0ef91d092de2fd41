"""Prevention of cross-site request forgery (CSRF): refuses requests that a foreign web page could have caused.

A page can make a browser send *simple* requests (Fetch standard, "CORS-safelisted") to any server, without a preflight.
The rules, in order:

- A POST with JSON is never simple. A browser sends a preflight for `application/json`, and that fails unless the
  operator allows the origin.
- A POST with files (`multipart/form-data`) is simple, so it needs one of the headers below, always.
- A GET passes with a header that pages cannot set without a preflight, as in Apollo: `X-Apollo-Operation-Name`,
  `Apollo-Require-Preflight`, `GraphQL-Require-Preflight`, or a JSON `Content-Type`.
- Otherwise the browser reports the origin of a GET: it passes if `Sec-Fetch-Site` is `same-origin` or `none` (a typed
  address or a bookmark).
- A GET without `Sec-Fetch-Site` comes from a program, such as `curl` or the audits of graphql-http, or from an old
  browser. It passes unless it has a foreign `Origin`, which only browsers send.

`Accept` does not count, because a page may set it. One gap remains for browsers from before 2023: image tags can run a
query as an anonymous caller, but the page cannot read the response. Scripts send tokens, browsers never do so by
themselves, and a GET runs only queries.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from web.graphql.media_types import is_multipart
from web.http_errors import HttpError, HttpErrorCode

PREFLIGHT_HEADERS = ("x-apollo-operation-name", "apollo-require-preflight", "graphql-require-preflight")
"""Headers that a foreign page can send only after a preflight. Any value counts, except an empty one."""


def check_forgery(method: str, headers: Mapping[str, str], allowed_origins: Container[str]) -> None:
    """Refuse a request that a foreign page could have caused, by the rules above.

    Args:
        method: The HTTP method, in upper case.
        headers: The request's headers, names in lower case.
        allowed_origins: Origins that the operator trusts (CORS).

    Raises:
        HttpError: CSRF_PREVENTED.

    """
    has_preflight = any(headers.get(name, "").strip() for name in PREFLIGHT_HEADERS)
    if has_preflight or (method == "POST" and not is_multipart(headers.get("content-type"))):
        return
    if method == "POST":
        raise HttpError(
            HttpErrorCode.CSRF_PREVENTED,
            "A foreign web page may have caused this request with files (CSRF). "
            "Add the header 'GraphQL-Require-Preflight: true'.",
        )
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return
    origin = headers.get("origin")
    if origin is not None and origin in allowed_origins:
        return
    site = headers.get("sec-fetch-site")
    if site is None and (origin is None or _is_same_host(origin, headers.get("host", ""))):
        return
    if site in {"same-origin", "none"}:
        return
    raise HttpError(
        HttpErrorCode.CSRF_PREVENTED,
        "A foreign web page may have caused this GET request (CSRF). "
        "Add the header 'GraphQL-Require-Preflight: true', or send a POST with JSON.",
    )


def _is_same_host(origin: str, host: str) -> bool:
    """Whether an `Origin` names the host of the request."""
    return bool(host) and origin.partition("://")[2].lower() == host.lower()
