"""The credential of the hub at a stand-in over HTTP: headers, parameters, form fields, OAuth 2.0 tokens, signatures.

Client certificates are not checked, and signatures only of services over HTTP with JSON or XML.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.stand_ins.signatures import SignatureCheck

_TOKEN_SECONDS: Final = 3600
_NO_MEMBERS: Final[Mapping[str, Any]] = {}
Pairs = list[tuple[str, str]]


class HttpCredentialCheck:
    """Checks requests against the table `wire.credential`."""

    def __init__(self, credential: Mapping[str, Any]) -> None:
        self.query: Mapping[str, str] = credential.get("query", {})
        self.form: Mapping[str, str] = credential.get("form", {})
        self.body: Mapping[str, str] = credential.get("body", {})
        self._headers: Mapping[str, str] = credential.get("headers", {})
        self._oauth2: Mapping[str, Any] = credential.get("oauth2", {})
        self._token = secrets.token_urlsafe(12)
        self._token_signature = _build_check(self._oauth2)
        self.signature = _build_check(credential)

    def is_token_request(self, request: Request) -> bool:
        """Whether a request is for the token endpoint."""
        return bool(self._oauth2) and request.url.path == urlsplit(self._oauth2["token_url"]).path

    def issue_token(self, request: Request, form: Mapping[str, str], body: bytes = b"") -> Response:
        """The answer of the token endpoint."""
        oauth2 = self._oauth2
        if self._token_signature is not None:
            if status := self._token_signature.find_refusal(request, body):
                return JSONResponse({"responseCode": f"{status}7300", "responseMessage": "Unauthorized"}, status)
            found = {"accessToken": self._token, "tokenType": "Bearer", "expiresIn": str(_TOKEN_SECONDS)}
            return JSONResponse({"responseCode": "2007300", "responseMessage": "Successful", **found})
        asked = dict(parse_pairs(request.url.query))
        is_apigee = "grant_type" in urlsplit(oauth2["token_url"]).query
        login = f"{oauth2['client_id']}:{oauth2.get('client_secret', '')}"
        in_header = request.headers.get("authorization") == f"Basic {b64encode(login.encode()).decode()}"
        in_form = f"{form.get('client_id')}:{form.get('client_secret', '')}" == login
        if (asked if is_apigee else form).get("grant_type") != "client_credentials" or not (in_header or in_form):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if is_apigee:  # numbers are texts there, and the type has another name
            lifetime, kind = str(_TOKEN_SECONDS - 1), "BearerToken"
            return JSONResponse({"access_token": self._token, "token_type": kind, "expires_in": lifetime})
        return JSONResponse({"access_token": self._token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS})

    def is_allowed(self, request: Request, form: Pairs, body: Mapping[str, Any] = _NO_MEMBERS) -> bool:
        """Whether a request has every part of the credential; `body` is its JSON object, if it has one."""
        headers = dict(self._headers)
        if self._oauth2:
            headers["Authorization"] = f"Bearer {self._token}"
        places = ((headers, request.headers), (self.query, dict(parse_pairs(request.url.query))))
        return all(
            is_equal(str(given.get(name, "")), value)
            for wanted, given in (*places, (self.form, dict(form)), (self.body, body))
            for name, value in wanted.items()
        )


def _build_check(table: Mapping[str, Any]) -> SignatureCheck | None:
    return SignatureCheck(table["signature"]) if "signature" in table else None


def is_equal(given: str, secret: str) -> bool:
    """Whether two texts are equal, in a time that reveals neither."""
    return secrets.compare_digest(given.encode(), secret.encode())


def parse_pairs(text: str) -> Pairs:
    """The parameters of a query or of a form."""
    return parse_qsl(text, keep_blank_values=True)
