"""Cookies of the hub's own pages: tied to the host where there is TLS, and to the loopback where there is none."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from auth.caller import Assurance
from auth.session import Session, Sessions
from records.identifiers import Nik
from tests.known_sessions import KnownSessions
from web.page_session import PageSession
from web.pages import Problem

SESSIONS = Sessions(b"a secret of thirty-two bytes....")
SESSION = Session(
    nik=Nik("3171014506900001"), subject="s", client=None, assurance=Assurance.HIGH, ends=1e9, id="id", forms="text"
)


def over(public_url: str, sessions: KnownSessions | None = None) -> PageSession:
    return PageSession(SESSIONS, sessions or KnownSessions(), public_url=public_url, clock=lambda: 1000.0)


def asking(path: str = "/consents", query: bytes = b"", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": path, "query_string": query, "headers": raw})


def test_by_https_nobody_else_can_have_put_them_there() -> None:
    response = Response()
    pages = over("https://simpul.jakarta.example")
    pages.keep(response, SESSION)
    pages.keep_begun(response, "begun")
    session, begun = response.headers.getlist("set-cookie")
    assert session.startswith("__Host-simpul=")
    assert begun == "__Host-simpul-sign-in=begun; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure"
    assert session.endswith("; HttpOnly; Max-Age=900; Path=/; SameSite=lax; Secure")


def test_on_the_loopback_they_are_plain() -> None:
    response = Response()
    over("http://127.0.0.1:8000").keep_begun(response, "begun")
    assert response.headers["set-cookie"] == "simpul-sign-in=begun; HttpOnly; Max-Age=600; Path=/; SameSite=lax"


async def test_by_https_a_plain_cookie_is_nobodys() -> None:
    text, _ = SESSIONS.seal(SESSION, now=1000)
    known = KnownSessions()
    await known.begin(SESSION.id, lasts=60)
    pages = over("https://simpul.jakarta.example", known)
    assert await pages.current(asking(cookie=f"simpul={text}")) is None
    assert await pages.current(asking(cookie=f"__Host-simpul={text}")) == SESSION


async def test_a_good_cookie_of_a_session_that_is_over_is_nobodys() -> None:
    text, _ = SESSIONS.seal(SESSION, now=1000)
    assert await over("http://127.0.0.1:8000").current(asking(cookie=f"simpul={text}")) is None


async def test_where_nobody_can_tell_whether_it_goes_on_there_is_a_problem() -> None:
    text, _ = SESSIONS.seal(SESSION, now=1000)
    known = KnownSessions()
    known.down = True
    pages = over("http://127.0.0.1:8000", known)
    with pytest.raises(Problem, match="hub_down"):
        await pages.current(asking(cookie=f"simpul={text}"))
    assert await pages.current(asking(cookie="simpul=none")) is None  # a cookie of nobody asks nobody


def test_forgetting_takes_them_away() -> None:
    response = Response()
    pages = over("https://simpul.jakarta.example")
    pages.forget(response)
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
def test_on_this_machine_a_page_has_one_address(public_url: str, host: str, elsewhere: str | None) -> None:
    assert over(public_url).elsewhere(asking(query=b"lang=en", host=host)) == elsewhere
