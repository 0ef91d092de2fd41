"""Attacks on the sign-in to the hub's own pages, on its sessions and on its forms (RFC 9700, section 4).

Each is refused: no session begins, nothing changes, and no forbidden call is made.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from auth.crypto.sealed_cookies import SealedCookies
from resolvers.hub.consents import Consents
from tests.fakes.in_memory_sessions import InMemorySessions
from tests.fakes.issuers.loopback_sign_in import (
    CLIENT,
    SECRET,
    BrowserResponse,
    SignInBrowser,
    SignInWorld,
    run_sign_in_world,
)
from tests.fakes.small_consents import REQUEST, build_request
from tests.fakes.small_hub import run_small_hub
from tests.fakes.small_records import BUDI
from tests.sandbox_agencies import HOST, free_port

CONSENT = f"/consent/{REQUEST}"
SESSION, SIGN_IN_COOKIE = "simpul", "simpul-sign-in"
GRANT = {"decision": "grant", "scope": ["TAX"]}
A_MINUTE_AGO = "a minute ago"
"""A time in claims, filled in when the test runs, so that the test's name is the same in every run."""


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world() as opened:
        yield opened


@pytest.fixture
def place(running: SignInWorld) -> SignInWorld:
    """The hub and the issuer in their initial state."""
    running.endpoints.reset()
    running.consents.reset()
    running.hub.city.calls.clear()
    return running


@pytest.fixture
async def browser(place: SignInWorld) -> AsyncIterator[SignInBrowser]:
    async with place.browser() as opened:
        yield opened


def is_refused(page: BrowserResponse, browser: SignInBrowser) -> bool:
    """Whether the browser is on a page of the hub and not signed in."""
    return page.status in {400, 403, 503} and "Location" not in page.headers and not browser.cookie(SESSION)


async def test_guessed_codes_do_not_flood_the_issuer() -> None:
    """The sealed cookie of one sign-in opens for ten minutes, as often as an attacker sends it."""
    async with run_sign_in_world(failed_tokens=5) as world, world.browser() as browser:
        back = await browser.begin_sign_in(CONSENT)
        cookie, statuses = browser.cookie(SIGN_IN_COOKIE) or "", []
        for number in range(30):
            browser.set_cookie(SIGN_IN_COOKIE, cookie)
            statuses.append((await browser.get(change_parameters(back, code=f"guess-{number}"))).status)
        assert statuses == [400] * 5 + [429] * 25
        assert len(world.endpoints.token_requests) == 5


def change_parameters(address: str, **parameters: str | None) -> str:
    """The issuer's response with other parameters; None removes one."""
    given = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | parameters
    return f"{urlsplit(address).path}?{urlencode({name: value for name, value in given.items() if value is not None})}"


# The response of the issuer


async def test_an_unattacked_sign_in_succeeds(browser: SignInBrowser, place: SignInWorld) -> None:
    """The counterpart of the attacks below."""
    page = await browser.sign_in(CONSENT)
    assert (page.status, len(place.endpoints.token_requests)) == (200, 1)
    assert browser.cookie(SESSION)
    assert browser.cookie(SIGN_IN_COOKIE) is None


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"state": None},
        {"state": ""},
        {"iss": "https://issuer.example"},
        {"iss": None},
        {"code": None},
        {"code": ""},
    ],
    ids=str,
)
async def test_a_response_to_another_sign_in_is_refused_and_its_code_not_redeemed(
    browser: SignInBrowser, place: SignInWorld, change: dict[str, str | None]
) -> None:
    page = await browser.get(change_parameters(await browser.begin_sign_in(CONSENT), **change))
    assert is_refused(page, browser)
    assert place.endpoints.token_requests == []


@pytest.mark.parametrize("name", ["state", "code", "iss"])
async def test_a_repeated_parameter_is_refused(browser: SignInBrowser, place: SignInWorld, name: str) -> None:
    page = await browser.get(f"{await browser.begin_sign_in(CONSENT)}&{name}=x")
    assert (is_refused(page, browser), place.endpoints.token_requests) == (True, [])


async def test_a_response_without_iss_is_accepted_if_the_issuer_never_sends_it() -> None:
    async with run_sign_in_world() as other:
        other.endpoints.metadata["authorization_response_iss_parameter_supported"] = None
        async with other.browser() as fresh:
            page = await fresh.get(change_parameters(await fresh.begin_sign_in(CONSENT), iss=None))
            assert page.status == 303


async def test_another_persons_callback_link_signs_nobody_in(browser: SignInBrowser, place: SignInWorld) -> None:
    """Login CSRF: the attacker begins, and has the victim's browser finish."""
    async with place.browser() as attackers:
        link = await attackers.begin_sign_in(CONSENT)
    page = await browser.get(link)
    assert (is_refused(page, browser), place.endpoints.token_requests) == (True, [])
    await browser.begin_sign_in(CONSENT)  # nor if the victim has a pending sign-in
    page = await browser.get(link)
    assert (is_refused(page, browser), place.endpoints.token_requests) == (True, [])


async def test_a_response_is_accepted_once(browser: SignInBrowser, place: SignInWorld) -> None:
    link = await browser.begin_sign_in(CONSENT)
    begun = browser.cookie(SIGN_IN_COOKIE) or ""
    assert (await browser.get(link)).status == 303
    assert (await browser.get(link)).status == 400
    assert len(place.endpoints.token_requests) == 1
    async with place.browser() as thief:  # not even with the cookie, because the issuer refuses the code
        thief.set_cookie(SIGN_IN_COOKIE, begun)
        page = await thief.get(link)
        assert is_refused(page, thief)


async def test_a_code_is_useless_in_another_sign_in(browser: SignInBrowser, place: SignInWorld) -> None:
    """Injection of a stolen code: the verifier differs."""
    async with place.browser() as victim:
        stolen = parse_qs(urlsplit(await victim.begin_sign_in(CONSENT)).query)["code"][0]
    page = await browser.get(change_parameters(await browser.begin_sign_in(CONSENT), code=stolen))
    assert is_refused(page, browser)
    assert place.endpoints.token_requests[0]["code"] == stolen


async def test_the_issuers_error_description_is_not_shown(browser: SignInBrowser) -> None:
    link = change_parameters(
        await browser.begin_sign_in(CONSENT), code=None, error="x", error_description="<b>Call 0800</b>"
    )
    page = await browser.get(link)
    assert (page.status, is_refused(page, browser)) == (403, True)
    assert "0800" not in page.text


# The tokens of the issuer


@pytest.mark.parametrize(
    ("identity", "access"),
    [
        ({"nonce": "another"}, {}),
        ({"nonce": None}, {}),
        ({"nonce": ["a"]}, {}),
        ({"aud": "another-client"}, {}),
        ({"aud": [CLIENT, "another-client"]}, {}),
        ({"aud": [CLIENT], "azp": "another-client"}, {}),
        ({"aud": None}, {}),
        ({"iss": "https://issuer.example"}, {}),
        ({"exp": A_MINUTE_AGO}, {}),
        ({"exp": None}, {}),
        ({"iat": None}, {}),
        ({"sub": "budi"}, {}),
        ({"sub": None}, {}),
        ({}, {"sub": "budi", "nik": str(BUDI)}),
        ({}, {"aud": "another-hub"}),
        ({}, {"iss": "https://issuer.example"}),
        ({}, {"exp": A_MINUTE_AGO}),
        ({}, {"nik": "31710145069"}),
        ({}, {"cnf": {"jkt": "x"}}),
    ],
    ids=str,
)
async def test_tokens_that_do_not_both_belong_to_this_sign_in_are_refused(
    browser: SignInBrowser, place: SignInWorld, identity: dict[str, object], access: dict[str, object]
) -> None:
    now = int(time.time())
    for claims, given in ((place.endpoints.identity, identity), (place.endpoints.access, access)):
        claims.update({name: now - 60 if value == A_MINUTE_AGO else value for name, value in given.items()})
    page = await browser.get(await browser.begin_sign_in(CONSENT))
    assert (page.status, is_refused(page, browser)) == (400, True)


def signed_by_another(place: SignInWorld, nonce: str) -> str:
    now = int(time.time())
    claims = {
        "iss": place.endpoints.issuer.url,
        "sub": "siti",
        "aud": CLIENT,
        "iat": now,
        "exp": now + 60,
        "nonce": nonce,
    }
    key = ECKey.generate_key("P-256")
    return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": place.endpoints.issuer.key.kid or ""}, claims, key)


@pytest.mark.parametrize("forgery", ["another key", "no signature", "none", "access token", "missing", "no token"])
async def test_an_id_token_that_the_issuer_did_not_make_is_refused(
    browser: SignInBrowser, place: SignInWorld, forgery: str
) -> None:
    link = await browser.begin_sign_in(CONSENT)
    nonce = place.endpoints.authorization_requests[0]["nonce"]
    good = place.endpoints.identity_token(nonce=nonce)
    place.endpoints.tokens["id_token"] = {
        "another key": signed_by_another(place, nonce),
        "no signature": good.rpartition(".")[0] + ".",
        "none": f"eyJhbGciOiJub25lIn0.{good.split('.')[1]}.",
        "access token": place.endpoints.issuer.token(client_id=CLIENT, aud=CLIENT, nonce=nonce),
        "missing": None,
        "no token": 7,
    }[forgery]
    page = await browser.get(link)
    assert (page.status, is_refused(page, browser)) == (400, True)


async def test_an_id_token_is_no_access_token(browser: SignInBrowser, place: SignInWorld) -> None:
    link = await browser.begin_sign_in(CONSENT)
    place.endpoints.tokens["access_token"] = place.endpoints.identity_token(
        nonce=place.endpoints.authorization_requests[0]["nonce"]
    )
    assert is_refused(await browser.get(link), browser)


@pytest.mark.parametrize(
    "claims",
    [
        {"kind": "official", "nik": None, "agency": "dukcapil"},
        {"kind": "business", "nik": None, "nib": "9120001234567"},
        {"kind": "partner", "nik": None},
        {"on_behalf_of": str(BUDI)},
        {"act": {"sub": "siti"}, "on_behalf_of": str(BUDI)},
    ],
    ids=str,
)
async def test_only_citizens_who_act_for_themselves_are_signed_in(
    browser: SignInBrowser, place: SignInWorld, claims: dict[str, object]
) -> None:
    place.endpoints.access.update(claims)
    page = await browser.get(await browser.begin_sign_in(CONSENT))
    assert (page.status, is_refused(page, browser)) == (403, True)


@pytest.mark.parametrize(
    "metadata",
    [
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": "S256"},
        {"issuer": "https://issuer.example"},
        {"authorization_endpoint": "http://issuer.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://169.254.169.254/token"},
        {"token_endpoint": None},
    ],
    ids=str,
)
async def test_an_issuer_with_unsafe_addresses_or_without_pkce_signs_nobody_in(
    metadata: dict[str, object],
) -> None:
    async with run_sign_in_world() as other:
        other.endpoints.metadata.update(metadata)
        async with other.browser() as fresh:
            page = await fresh.get(CONSENT)
            assert (page.status, "Location" in page.headers, fresh.cookie(SIGN_IN_COOKIE)) == (503, False, None)


async def test_the_secret_and_the_verifier_reach_only_the_token_endpoint(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    page = await browser.get(CONSENT)
    await browser.sign_in(CONSENT)
    [redeemed] = place.endpoints.token_requests
    assert SECRET not in page.location + str(page.headers)
    assert redeemed["code_verifier"] not in str(place.endpoints.authorization_requests)
    assert len(redeemed["code_verifier"]) == 43
    assert {each["code_challenge_method"] for each in place.endpoints.authorization_requests} == {"S256"}
    assert (
        len({each["state"] for each in place.endpoints.authorization_requests})
        == len(place.endpoints.authorization_requests)
        == 1
    )


# Redirects


@pytest.mark.parametrize(
    "path",
    [
        f"{CONSENT}?lang=en",
        "/consents?after=//evil.example",
        "/consents?next=https://evil.example/",
        "/consent/%5C%5Cevil.example",
        "/consent/x%0D%0ASet-Cookie:%20a=b",
        "/consent/https:evil.example",
    ],
)
async def test_a_signed_in_person_continues_on_the_hub(browser: SignInBrowser, path: str) -> None:
    page = await browser.get(await browser.begin_sign_in(path))
    assert page.status == 303
    assert page.location.startswith(("/consent/", "/consents?"))
    assert urlsplit(page.location).netloc == ""
    assert all(each.startswith(("simpul=", "simpul-sign-in=")) for each in page.set_cookies)


@pytest.mark.parametrize("path", ["//evil.example/consents", "/consent//evil.example", "/consents/"])
async def test_a_path_that_is_no_page_of_the_hub_begins_no_sign_in(place: SignInWorld, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{place.hub.url}{path}", allow_redirects=False) as answer:
        assert SIGN_IN_COOKIE not in answer.cookies
        assert urlsplit(answer.headers.get("Location", "")).netloc in {"", urlsplit(place.hub.url).netloc}


# Cookies


async def test_scripts_and_other_sites_cannot_reach_cookies(browser: SignInBrowser) -> None:
    begun = (await browser.get(CONSENT)).set_cookies
    back = await browser.get(await browser.begin_sign_in(CONSENT))
    assert len(begun) == 1
    assert len(back.set_cookies) == 2
    for each in [*begun, *back.set_cookies]:
        assert "; HttpOnly" in each
        assert "; Path=/" in each
        assert "; SameSite=lax" in each
        assert "Domain" not in each


async def test_a_changed_cookie_signs_nobody_in(browser: SignInBrowser) -> None:
    await browser.sign_in()
    good = browser.cookie(SESSION) or ""
    for at in range(0, len(good), 7):
        other = "A" if good[at] != "A" else "B"
        browser.set_cookie(SESSION, good[:at] + other + good[at + 1 :])
        assert (await browser.get("/consents")).status == 303
    browser.set_cookie(SESSION, good)
    assert (await browser.get("/consents")).status == 200


async def test_one_kind_of_cookie_is_not_accepted_as_the_other(browser: SignInBrowser, place: SignInWorld) -> None:
    link = await browser.begin_sign_in(CONSENT)
    begun = browser.cookie(SIGN_IN_COOKIE) or ""
    browser.set_cookie(SESSION, begun)
    assert (await browser.get("/consents")).status == 303
    await browser.sign_in()
    place.endpoints.token_requests.clear()
    browser.set_cookie(SIGN_IN_COOKIE, browser.cookie(SESSION) or "")
    assert (await browser.get(link)).status == 400
    assert place.endpoints.token_requests == []


@pytest.mark.parametrize("value", ["x" * 10_000, "%00", "\u00e9".encode().decode("latin-1"), "." * 50, ""], ids=len)
async def test_a_foreign_cookie_is_ignored(place: SignInWorld, value: str) -> None:
    headers = {"Cookie": f"{SESSION}={value}; {SIGN_IN_COOKIE}={value}"}
    async with aiohttp.ClientSession(place.hub.url, headers=headers) as http:
        async with http.get("/consents", allow_redirects=False) as answer:
            assert answer.status == 303
        async with http.get("/sign-in/callback?code=x&state=", allow_redirects=False) as answer:
            assert answer.status == 400


async def test_signing_in_replaces_an_earlier_session(browser: SignInBrowser, place: SignInWorld) -> None:
    """Session fixation: the attacker's own session is in the victim's browser."""
    async with place.browser() as attacker:
        place.endpoints.access.update({"sub": "budi", "nik": str(BUDI)})
        place.endpoints.identity["sub"] = "budi"
        attackers_form = (await attacker.sign_in()).form
        fixed = attacker.cookie(SESSION) or ""
    place.endpoints.reset()
    browser.set_cookie(SESSION, fixed)
    browser.set_cookie(SIGN_IN_COOKIE, "")
    page = await browser.get("/consents")
    assert "0002" in page.text  # the page names the signed-in person
    async with place.browser() as own:
        own.set_cookie(SESSION, fixed)
        await own.post("/sign-out", {"form": attackers_form})
        assert own.cookie(SESSION) is None
        page = await own.sign_in()
        assert "0001" in page.text
        assert own.cookie(SESSION) != fixed
        assert page.form != attackers_form


async def test_cookies_and_addresses_reveal_nothing_about_a_person(browser: SignInBrowser, place: SignInWorld) -> None:
    link = await browser.begin_sign_in(CONSENT)
    await browser.get(link)
    nik = str(place.endpoints.issuer.claims()["nik"])
    for each in (browser.cookie(SESSION) or "", link, place.endpoints.authorization_requests[0]["redirect_uri"]):
        assert nik not in each
        assert "siti" not in each


async def test_signing_out_ends_copied_cookies_on_every_worker(browser: SignInBrowser, place: SignInWorld) -> None:
    form = (await browser.sign_in(CONSENT)).form
    stolen = browser.cookie(SESSION) or ""
    port = free_port()
    given = {"listen": f"{HOST}:{port}", "public_url": f"http://{HOST}:{port}", "sign_in_issuer": "loopback"}
    client = {"sign_in_client": CLIENT, "sign_in_secret": SecretStr(SECRET), "sessions": place.sessions}
    async with (
        run_small_hub([place.endpoints.issuer.entry()], own={Consents: place.consents}, **given, **client) as worker,
        replace(place, hub=worker).browser() as there,
        place.browser() as here,
    ):
        for thief in (here, there):
            thief.set_cookie(SESSION, stolen)
            assert (await thief.get(CONSENT)).status == 200
        assert (await browser.post("/sign-out", {"form": form})).status == 200
        place.hub.city.calls.clear()
        worker.city.calls.clear()
        for thief in (here, there):
            thief.set_cookie(SESSION, stolen)
            for path in (CONSENT, "/consents", "/consents/x/revoke"):
                page = await thief.get(path)
                assert (page.status, "0001" in page.text) == (303, False)
            page = await thief.post(CONSENT, {"form": form, **GRANT})
            assert (page.status, "0001" in page.text) == (403, False)
            page = await thief.post("/sign-out", {"form": form})
            assert (page.status, "Refresh" in page.headers) == (403, False)
        assert (place.consents.changes, place.hub.city.calls, worker.city.calls) == ([], [], [])


async def test_a_page_that_arrives_after_the_sign_out_restores_no_session(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    """Two tabs: the second page was in transit, and sets its cookie last."""
    form = (await browser.sign_in(CONSENT)).form
    late = await browser.get("/consents")
    await browser.post("/sign-out", {"form": form})
    assert browser.cookie(SESSION) is None
    browser.set_cookie(SESSION, late.set_cookies[0].partition("=")[2].partition(";")[0])
    assert (await browser.get("/consents")).status == 303
    assert (await browser.post(CONSENT, {"form": form, **GRANT})).status == 403
    assert place.consents.changes == []


async def test_signing_in_again_ends_the_previous_session(browser: SignInBrowser) -> None:
    await browser.sign_in()
    before = browser.cookie(SESSION) or ""
    link = await get_callback_url(browser)
    assert (await browser.get(link)).status == 303
    after = browser.cookie(SESSION) or ""
    assert after != before
    browser.set_cookie(SESSION, before)
    assert (await browser.get("/consents")).status == 303
    browser.set_cookie(SESSION, after)
    assert (await browser.get("/consents")).status == 200


async def get_callback_url(browser: SignInBrowser) -> str:
    """The address to which the issuer returns a browser that starts a sign-in while a session exists."""
    kept = browser.cookie(SESSION) or ""
    browser.set_cookie(SESSION, "none")
    link = await browser.begin_sign_in("/consents")
    browser.set_cookie(SESSION, kept)
    return link


async def test_a_cookie_of_another_secret_or_without_a_session_signs_nobody_in(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    await browser.sign_in()
    values = {"nik": "3171014506900001", "subject": "s", "client": None, "assurance": 3, "ends": 1e12, "forms": "x"}
    for secret in (b"s" * 32, b"t" * 32):
        cookies = SealedCookies(secret, "page-session")
        text = cookies.seal({**values, "authenticated_at": time.time(), "id": "made up"}, until=time.time() + 60)
        browser.set_cookie(SESSION, text)
        assert (await browser.get("/consents")).status == 303
        page = await browser.post(CONSENT, {"form": "x", **GRANT})
        assert (page.status, place.consents.changes) == (403, [])


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": ""}], ids=str)
async def test_another_site_cannot_sign_a_person_out(browser: SignInBrowser, headers: dict[str, str]) -> None:
    form = (await browser.sign_in()).form
    for fields in ({"form": form}, {"form": "x"}, {}):
        assert (await browser.post("/sign-out", fields, **headers)).status == 403
    assert (await browser.post("/sign-out", {"form": "x"})).status == 403
    assert (await browser.get("/consents")).status == 200


@pytest.mark.parametrize("moment", [None, "now", True, 0, -1, 10**30, [1], "an hour ago", "in the future"], ids=repr)
async def test_a_recent_sign_in_needs_auth_time(browser: SignInBrowser, place: SignInWorld, moment: object) -> None:
    times = {"an hour ago": time.time() - 3600, "in the future": time.time() + 60}
    place.endpoints.identity["auth_time"] = times.get(moment, moment) if isinstance(moment, str) else moment
    link = await browser.begin_sign_in(CONSENT)
    assert is_refused(await browser.get(link), browser)
    assert (place.consents.changes, place.hub.city.calls) == ([], [])


# Forms


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "", "Sec-Fetch-Site": "none"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json"}, 415),
    ],
    ids=str,
)
async def test_a_form_sent_by_another_site_changes_nothing(
    browser: SignInBrowser, place: SignInWorld, headers: dict[str, str], status: int
) -> None:
    form = (await browser.sign_in(CONSENT)).form
    place.hub.city.calls.clear()
    page = await browser.post(CONSENT, {"form": form, **GRANT}, **headers)
    assert (page.status, place.consents.changes, place.hub.city.calls) == (status, [], [])


@pytest.mark.parametrize("text", ["", "x", "\u00e9", None])
async def test_a_form_without_the_csrf_token_changes_nothing(
    browser: SignInBrowser, place: SignInWorld, text: str | None
) -> None:
    await browser.sign_in(CONSENT)
    page = await browser.post(CONSENT, GRANT if text is None else {"form": text, **GRANT})
    assert (page.status, place.consents.changes) == (403, [])


async def test_the_csrf_token_of_another_session_changes_nothing(browser: SignInBrowser, place: SignInWorld) -> None:
    async with place.browser() as attacker:
        theirs = (await attacker.sign_in(CONSENT)).form
    await browser.sign_in(CONSENT)
    page = await browser.post(CONSENT, {"form": theirs, **GRANT})
    assert (page.status, place.consents.changes) == (403, [])


async def test_a_form_without_a_session_changes_nothing_and_leads_to_no_other_site(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    page = await browser.post(CONSENT, {"form": "x", **GRANT})
    assert (page.status, "Location" in page.headers, place.consents.changes) == (403, False, [])


@pytest.mark.parametrize("path", [CONSENT, "/consents/persetujuan-1/revoke", "/sign-out", "/consents"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_only_a_form_changes_anything(browser: SignInBrowser, place: SignInWorld, path: str, method: str) -> None:
    place.consents.add_consents(1)
    form = (await browser.sign_in(CONSENT)).form
    query = urlencode({"form": form, **GRANT}, doseq=True)
    async with browser.http.request(method, f"{path}?{query}", allow_redirects=False) as answer:
        assert answer.status in {200, 405}
    assert (place.consents.changes, bool(browser.cookie(SESSION))) == ([], True)


async def test_a_form_that_is_too_large_or_has_too_many_fields_is_refused(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    form = (await browser.sign_in(CONSENT)).form
    large = await browser.post(CONSENT, {"form": form, **GRANT, "x": "y" * 70_000})
    many = await browser.post(CONSENT, {"form": form, **GRANT, **{f"x{n}": "" for n in range(100)}})
    assert (large.status, many.status, place.consents.changes) == (413, 400, [])


@pytest.mark.parametrize("scopes", [["POPULATION"], ["TAX", 'MSMES") { id } }'], ["tax"], ["TAX"] * 45 + [""]], ids=str)
async def test_an_unknown_scope_grants_nothing(browser: SignInBrowser, place: SignInWorld, scopes: list[str]) -> None:
    form = (await browser.sign_in(CONSENT)).form
    page = await browser.post(CONSENT, {"form": form, "decision": "grant", "scope": scopes})
    assert (page.status, place.consents.changes) == (400, [])


async def test_another_persons_request_and_consent_are_unknown(browser: SignInBrowser, place: SignInWorld) -> None:
    place.endpoints.access.update({"sub": "budi", "nik": str(BUDI)})
    place.endpoints.identity["sub"] = "budi"
    place.consents.add_consents(1)
    page = await browser.sign_in(CONSENT)
    none = await browser.get("/consent/no-such-request")
    form = page.form
    assert (page.status, none.status) == (404, 404)
    assert page.text.replace(REQUEST, "") == none.text.replace("no-such-request", "")
    for path in (CONSENT, "/consents/persetujuan-1/revoke"):
        assert (await browser.post(path, {"form": form, **GRANT})).status == 404
    assert place.consents.changes == []
    assert {each[0] for each in place.hub.city.calls} <= {"dukcapil"}


# The content of pages


async def test_a_page_cannot_be_cached_or_framed_and_runs_no_scripts(browser: SignInBrowser) -> None:
    page = await browser.sign_in(CONSENT)
    policy = page.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script" not in page.text
    assert " style=" not in page.text


async def test_text_by_others_is_escaped(browser: SignInBrowser) -> None:
    page = await browser.sign_in(f"{CONSENT}?lang=%22%3E%3Cscript%3E")
    assert "Kredit &lt;Nusantara&gt; &amp; Rekan" in page.text
    assert "<Nusantara>" not in page.text
    assert "script" not in page.text


async def test_a_partners_address_that_is_not_a_web_address_is_no_link(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    place.consents.requests["odd"] = build_request("javascript:alert(1)//", "odd")
    form = (await browser.sign_in("/consent/odd")).form
    page = await browser.post("/consent/odd", {"form": form, **GRANT})
    del place.consents.requests["odd"]
    assert (page.status, place.consents.changes[0][0]) == (200, "grant")
    assert "javascript" not in page.text


async def test_the_log_holds_neither_ids_nor_codes_nor_people(
    browser: SignInBrowser, place: SignInWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="simpul"):
        form = (await browser.sign_in(f"{CONSENT}?lang=en")).form
        await browser.post(CONSENT, {"form": form, **GRANT})
        await browser.post("/sign-out", {"form": form})
        await browser.get(change_parameters(await browser.begin_sign_in(CONSENT), state="x"))
    lines = [each.getMessage() for each in caplog.records if each.name.startswith("simpul")]
    for each in ("GET /consent/{id} 303 ", "GET /sign-in/callback 303 ", "POST /consent/{id} 200 "):
        assert any(line.startswith(each) for line in lines), lines
    log = "\n".join(lines)
    for secret in (REQUEST, "code-", str(place.endpoints.issuer.claims()["nik"]), form, "lang="):
        assert secret not in log


async def test_a_session_cookie_does_not_authenticate_to_the_graph(browser: SignInBrowser, place: SignInWorld) -> None:
    await browser.sign_in()
    place.hub.city.calls.clear()
    async with browser.http.post("/graphql", json={"query": "{ me { name } }"}) as answer:
        body = await answer.json()
    assert body.get("data") in ({"me": None}, None)
    assert place.hub.city.calls == []


class ObservedSessions(InMemorySessions):
    """Remembers for how long each session was begun."""

    def __init__(self) -> None:
        super().__init__()
        self.lifetimes: list[float] = []

    async def begin(self, id_: str, *, lifetime: float, **owner: bytes | None) -> None:
        self.lifetimes.append(lifetime)
        await super().begin(id_, lifetime=lifetime, **owner)


@pytest.mark.parametrize(("token_seconds", "session_seconds"), [(900, 300), (200, 200)])
async def test_a_session_ends_with_its_token_and_at_the_latest_after_the_lifetime_of_the_settings(
    token_seconds: int, session_seconds: int
) -> None:
    sessions = ObservedSessions()
    async with (
        run_sign_in_world(sessions=sessions, session_lifetime=300, session_idle=60) as world,
        world.browser() as browser,
    ):
        world.endpoints.access["exp"] = int(time.time()) + token_seconds
        assert (await browser.sign_in(CONSENT)).status == 200
    [lifetime] = sessions.lifetimes
    assert session_seconds - 30 < lifetime <= session_seconds
