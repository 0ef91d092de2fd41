"""Plain HTTP requests to the sandbox agencies, which show every byte of an answer."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from tests.sandbox_agencies import HOST, RunningAgency

FORM = "application/x-www-form-urlencoded"
ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:bapenda-jakarta:pbb:v1">
<s:Header><p:Otentikasi><p:pengguna>{user}</p:pengguna><p:kata_sandi>{secret}</p:kata_sandi></p:Otentikasi></s:Header>
<s:Body><p:{operation}><p:{argument}>{value}</p:{argument}></p:{operation}></s:Body></s:Envelope>"""
ARGUMENTS = {"GetObjekByNik": "nik", "GetTagihan": "nop"}


@dataclass(frozen=True, slots=True)
class AgencyAnswer:
    """An answer: status, headers with lower-case names, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


def ask(
    agency: RunningAgency,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> AgencyAnswer:
    """One request to the agency's own port."""
    return _send(agency.port, method, path, body, headers or {})


def ask_soap(agency: RunningAgency, operation: str, value: str, *, secret: str | None = None) -> AgencyAnswer:
    """One SOAP operation, with the right credential by default."""
    text = ENVELOPE.format(
        user=agency.user,
        secret=escape(agency.secret if secret is None else secret),
        operation=operation,
        argument=ARGUMENTS.get(operation, "nilai"),
        value=escape(value),
    )
    return ask(agency, "POST", "/services/pbb", body=text.encode(), headers={"Content-Type": "text/xml; charset=utf-8"})


def ask_open311(
    agency: RunningAgency, path: str, *, key: str | None = None, form: Mapping[str, str] | None = None
) -> AgencyAnswer:
    """One Open311 request, a POST if a form is given; without a key by default."""
    headers = {} if key is None else {"X-Api-Key": key}
    if form is None:
        return ask(agency, "GET", f"/open311/v2/{path}", headers=headers)
    body = urlencode(form).encode()
    return ask(agency, "POST", f"/open311/v2/{path}", body=body, headers={**headers, "Content-Type": FORM})


def ask_food_prices(agency: RunningAgency, path: str, *, key: str | None = None) -> AgencyAnswer:
    """One request for food prices, with the right key by default."""
    return ask(agency, "GET", f"/api2/{path}", headers={"app-client-id": agency.secret if key is None else key})


@contextmanager
def temporary_setting(
    agency: RunningAgency, path: str, value: Mapping[str, object], back: Mapping[str, object]
) -> Iterator[None]:
    """Change a setting of the agency's control API for the length of the block."""
    _set(agency, path, value)
    try:
        yield
    finally:
        _set(agency, path, back)


def _set(agency: RunningAgency, path: str, value: Mapping[str, object]) -> None:
    answer = _send(agency.control_port, "PUT", path, json.dumps(value).encode(), {})
    assert answer.status == http.client.OK, answer.body


def _send(port: int, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> AgencyAnswer:
    with closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
        connection.request(method, path, body, dict(headers))
        got = connection.getresponse()
        return AgencyAnswer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
