"""Which requests a foreign web page could have made a person's browser send, and so are not served.

A page may make a browser send *simple* requests (Fetch standard, "CORS-safelisted") to any server without asking it
first. The rules, in the order a request meets them:

- A POST is never simple here: `web/graphql/media_types.py` lets only `application/json` pass, for which a browser asks
  first (preflight), and the answer to that is no unless the operator allowed the origin.
- A GET that carries a header which pages cannot set without a preflight is let pass, as Apollo does it:
  `X-Apollo-Operation-Name`, `Apollo-Require-Preflight`, `GraphQL-Require-Preflight`, or a JSON `Content-Type`.
- Otherwise the browser itself says where a GET comes from: `Sec-Fetch-Site` of `same-origin` or `none` (typed, or a
  bookmark) passes, any other value does not.
- A GET without `Sec-Fetch-Site` comes from a program, or from a browser that does not say. Programs pass: nobody can
  make them send what they did not mean to, and the audits of graphql-http and `curl` are among them. A foreign
  `Origin` betrays a browser and does not pass.

`Accept` proves nothing (a page may set it freely), so it is not asked. What remains for a browser of before 2023: its
image tags can run a query as an anonymous caller and throw the answer away. Tokens are sent by script, never by the
browser on its own, and a GET runs queries only.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from web.http_errors import HttpError, HttpErrorCode

PREFLIGHT_HEADERS = ("x-apollo-operation-name", "apollo-require-preflight", "graphql-require-preflight")
"""Headers that a foreign page can send only after a preflight; any value but the empty one will do."""


def check_forgery(method: str, headers: Mapping[str, str], allowed_origins: Container[str]) -> None:
    """Let pass a request that no foreign page can have forged; see above for the rules.

    Args:
        method: The HTTP method, in upper case.
        headers: The request's headers, names in lower case.
        allowed_origins: Origins that the operator trusts (CORS).

    Raises:
        Refusal: CSRF_PREVENTED.

    """
    if method == "POST":
        return
    if any(headers.get(name, "").strip() for name in PREFLIGHT_HEADERS):
        return
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
        "This GET request may have been made by a foreign web page on somebody's behalf. "
        "Add the header 'GraphQL-Require-Preflight: true', or send a POST with JSON.",
    )


def _is_same_host(origin: str, host: str) -> bool:
    """Whether an `Origin` names the host that the request was sent to."""
    return bool(host) and origin.partition("://")[2].lower() == host.lower()
