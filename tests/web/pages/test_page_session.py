"""Cookies of the hub's own pages: bound to the host with HTTPS, plain on the loopback."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from auth.caller import Assurance
from auth.oidc.page_session import SessionCookies, SignedInSession
from records.identifiers import Nik
from tests.fakes.in_memory_sessions import InMemorySessions
from web.pages.page_renderer import PageProblem
from web.pages.page_session import PageSessions

SESSIONS = SessionCookies(b"a secret of thirty-two bytes....")
SESSION = SignedInSession(
    nik=Nik("3171014506900001"),
    subject="s",
    client=None,
    assurance=Assurance.HIGH,
    ends=1e9,
    id="id",
    csrf_token="text",
)


def build_page_sessions(public_url: str, sessions: InMemorySessions | None = None) -> PageSessions:
    return PageSessions(SESSIONS, sessions or InMemorySessions(), public_url=public_url, clock=lambda: 1000.0)


def build_request(path: str = "/consents", query: bytes = b"", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": path, "query_string": query, "headers": raw})


def test_with_https_cookies_have_the_host_prefix() -> None:
    response = Response()
    pages = build_page_sessions("https://simpul.jakarta.example")
    pages.set_session_cookie(response, SESSION)
    pages.set_sign_in_cookie(response, "begun")
    session, begun = response.headers.getlist("set-cookie")
    assert session.startswith("__Host-simpul=")
    assert begun == "__Host-simpul-sign-in=begun; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure"
    assert session.endswith("; HttpOnly; Max-Age=900; Path=/; SameSite=lax; Secure")


def test_on_the_loopback_cookies_are_plain() -> None:
    response = Response()
    build_page_sessions("http://127.0.0.1:8000").set_sign_in_cookie(response, "begun")
    assert response.headers["set-cookie"] == "simpul-sign-in=begun; HttpOnly; Max-Age=600; Path=/; SameSite=lax"


async def test_with_https_a_plain_cookie_is_ignored() -> None:
    text, _ = SESSIONS.seal(SESSION, now=1000)
    known = InMemorySessions()
    await known.begin(SESSION.id, lifetime=60)
    pages = build_page_sessions("https://simpul.jakarta.example", known)
    assert await pages.load_session(build_request(cookie=f"simpul={text}")) is None
    assert await pages.load_session(build_request(cookie=f"__Host-simpul={text}")) == SESSION


async def test_the_cookie_of_an_ended_session_is_ignored() -> None:
    text, _ = SESSIONS.seal(SESSION, now=1000)
    assert (
        await build_page_sessions("http://127.0.0.1:8000").load_session(build_request(cookie=f"simpul={text}")) is None
    )


async def test_an_unavailable_session_store_is_a_problem() -> None:
    text, _ = SESSIONS.seal(SESSION, now=1000)
    known = InMemorySessions()
    known.is_down = True
    pages = build_page_sessions("http://127.0.0.1:8000", known)
    with pytest.raises(PageProblem, match="hub_down"):
        await pages.load_session(build_request(cookie=f"simpul={text}"))
    assert await pages.load_session(build_request(cookie="simpul=none")) is None  # an invalid cookie needs no store


def test_clearing_deletes_the_cookie() -> None:
    response = Response()
    pages = build_page_sessions("https://simpul.jakarta.example")
    pages.clear_session_cookie(response)
    assert response.headers["set-cookie"] == '__Host-simpul=""; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure'


@pytest.mark.parametrize(
    ("public_url", "host", "elsewhere"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", None),
        ("http://127.0.0.1:8000", "localhost:8000", "http://127.0.0.1:8000/consents?lang=en"),
        ("https://simpul.jakarta.example", "127.0.0.1:8000", None),
        ("https://simpul.jakarta.example", "simpul.jakarta.example", None),
    ],
)
def test_on_the_loopback_a_page_has_one_canonical_address(public_url: str, host: str, elsewhere: str | None) -> None:
    assert (
        build_page_sessions(public_url).find_canonical_address(build_request(query=b"lang=en", host=host)) == elsewhere
    )
