"""People sign in on the page of the city's OpenID provider, or refuse, and the application gets the outcome."""

import re
from collections.abc import Mapping

import pytest

from tests.sandbox.agency_requests import ask
from tests.sandbox.provider_browser import (
    AUTHORIZATION_REQUEST,
    CALLBACK,
    SITI,
    ProviderBrowser,
    SignInForm,
    exchange_code,
    issuer_url,
    obtain_code,
    redirect_parameters,
    request_token,
    sign_in,
    verify_token,
)
from tests.sandbox_agencies import RunningAgency

NADIA = "3171014904159001"
"""Eleven years old."""


@pytest.fixture
def browser(openid_provider: RunningAgency) -> ProviderBrowser:
    return ProviderBrowser(openid_provider)


def test_the_page_offers_the_people_of_the_application_and_preselects_none(browser: ProviderBrowser) -> None:
    page = browser.open_sign_in_page()

    form = SignInForm(page.body.decode())
    assert page.status == 200
    assert form.choices == {
        "person": ["siti", "budi", "dewi", "agus", "agus-for-dewi", "dapur-siti", "another"],
        "acr": ["low", "substantial", "high"],
    }
    assert form.checked == {"acr": "substantial"}


def test_the_auditors_console_offers_overseers_and_no_citizen(browser: ProviderBrowser) -> None:
    page = browser.open_sign_in_page(client_id="audit-console", redirect_uri="http://127.0.0.1:9/console/callback")

    assert SignInForm(page.body.decode()).choices["person"] == ["wulan", "ratna", "surya"]


def test_the_login_hint_is_preselected(browser: ProviderBrowser) -> None:
    page = browser.open_sign_in_page(login_hint="budi", acr_values="urn:other high low")

    assert SignInForm(page.body.decode()).checked == {"person": "budi", "acr": "high"}


def test_the_page_lists_the_data_for_the_application(browser: ProviderBrowser) -> None:
    text = browser.open_sign_in_page(scope="openid offline_access").body.decode()

    assert "<strong>The city&#x27;s app</strong>" in text
    assert "stays signed in for 8 hours" in text
    assert "The application can read your number (NIK or NIB)" in text
    assert "your name<" not in text


def test_the_page_needs_no_script_loads_nothing_external_and_cannot_be_framed(browser: ProviderBrowser) -> None:
    page = browser.open_sign_in_page()
    text = page.body.decode()

    assert "<script" not in text
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["/sign-in.css"]
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:8123; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert page.headers["cache-control"] == "no-store"
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "SameSite=lax" in page.headers["set-cookie"]


def test_signing_in_redirects_with_a_code_the_state_and_the_issuer(browser: ProviderBrowser) -> None:
    answer = browser.submit(browser.open_sign_in_page(), SITI)

    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    assert redirect_parameters(answer).keys() == {"code", "state", "iss"}
    assert redirect_parameters(answer)["state"] == AUTHORIZATION_REQUEST["state"]
    assert redirect_parameters(answer)["iss"] == issuer_url(browser.provider)


def test_refusing_redirects_without_a_code_whatever_is_chosen(browser: ProviderBrowser) -> None:
    answer = browser.submit(browser.open_sign_in_page(), {**SITI, "decision": "deny"})

    assert redirect_parameters(answer) == {
        "error": "access_denied",
        "error_description": "The person did not sign in.",
        "state": AUTHORIZATION_REQUEST["state"],
        "iss": issuer_url(browser.provider),
    }


def test_a_request_can_be_sent_as_a_form(browser: ProviderBrowser) -> None:
    page = browser.post("/authorize", AUTHORIZATION_REQUEST)

    assert redirect_parameters(browser.submit(page, SITI)).keys() == {"code", "state", "iss"}


@pytest.mark.parametrize(
    ("chosen", "wrong"),
    [
        ({"acr": "low"}, "Choose who you are."),
        ({"person": "siti"}, "Choose how you were identified."),
        ({"person": "siti", "acr": "certain"}, "Choose how you were identified."),
        ({"person": "teguh", "acr": "low"}, "Choose who you are."),
        ({"person": "another", "nik": NADIA, "acr": "low"}, "No resident of 17 years or more has this NIK."),
        ({"person": "another", "nik": "<b>1</b>", "acr": "low"}, "No resident of 17 years or more has this NIK."),
    ],
)
def test_an_incomplete_form_is_shown_again_with_the_error(
    browser: ProviderBrowser, chosen: Mapping[str, str], wrong: str
) -> None:
    page = browser.submit(browser.open_sign_in_page(), {**chosen, "decision": "allow"})

    text = page.body.decode()
    assert page.status == 400
    assert f'role="alert" id="wrong">{wrong}' in text
    assert "<title>Not signed in yet: " in text
    assert "<b>1</b>" not in text
    assert SignInForm(text).checked.get("person") == (None if chosen.get("person") == "teguh" else chosen.get("person"))
    assert redirect_parameters(browser.submit(page, SITI))["code"]


def test_any_adult_resident_signs_in_by_nik_and_no_address_contains_the_nik(browser: ProviderBrowser) -> None:
    answer = browser.submit(
        browser.open_sign_in_page(),
        {"person": "another", "nik": "3174055203559003", "acr": "high", "decision": "allow"},
    )
    _, claims = verify_token(
        browser.provider, exchange_code(browser.provider, redirect_parameters(answer)["code"]).json["access_token"]
    )

    assert "3174055203559003" not in answer.headers["location"]
    assert (claims["kind"], claims["nik"], claims["acr"]) == ("citizen", "3174055203559003", "high")


def test_another_browser_cannot_submit_the_form(openid_provider: RunningAgency) -> None:
    page = ProviderBrowser(openid_provider).open_sign_in_page()

    for other in (
        ProviderBrowser(openid_provider),
        ProviderBrowser(openid_provider, {"simpul_sandbox_browser": "guessed"}),
    ):
        answer = other.submit(page, SITI)
        assert answer.status == 400
        assert b"not valid any more" in answer.body
        assert "location" not in answer.headers


def test_a_changed_form_is_refused(browser: ProviderBrowser) -> None:
    page = browser.open_sign_in_page()
    sealed = SignInForm(page.body.decode()).hidden["request"]

    answer = browser.post("/sign-in", {**SITI, "request": sealed[:-3] + "AAA"})

    assert (answer.status, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "overrides",
    [
        {"client_id": "nobody"},
        {"client_id": "kredit-nusantara"},
        {"redirect_uri": "http://127.0.0.1:8123/callback/"},
        {"redirect_uri": "http://127.0.0.1:8123/callback?next=x"},
        {"redirect_uri": "https://127.0.0.1:8123/callback"},
        {"redirect_uri": "http://localhost:8123/callback"},
        {"redirect_uri": "http://127.0.0.1:80@evil.example/callback"},
        {"redirect_uri": "http://evil.example/callback"},
        {"redirect_uri": ""},
    ],
)
def test_an_unregistered_redirect_address_is_refused(browser: ProviderBrowser, overrides: Mapping[str, str]) -> None:
    answer = browser.get("/authorize", {**AUTHORIZATION_REQUEST, **overrides})

    assert (answer.status, "location" in answer.headers) == (400, False)
    assert b"<h1>This application cannot sign you in</h1>" in answer.body


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "openid population:read"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "http://127.0.0.1/r"}, "request_uri_not_supported"),
    ],
)
def test_an_application_gets_the_error_of_its_request(
    browser: ProviderBrowser, overrides: Mapping[str, str], error: str
) -> None:
    answer = redirect_parameters(browser.get("/authorize", {**AUTHORIZATION_REQUEST, **overrides}))

    assert (answer["error"], answer["state"], answer["iss"]) == (
        error,
        AUTHORIZATION_REQUEST["state"],
        issuer_url(browser.provider),
    )
    assert "code" not in answer


def test_a_duplicate_parameter_is_refused(browser: ProviderBrowser) -> None:
    answer = ask(browser.provider, "GET", "/authorize?client_id=city-app&client_id=graphiql")

    assert (answer.status, "location" in answer.headers) == (400, False)


def test_a_form_that_is_too_long_is_refused(browser: ProviderBrowser) -> None:
    assert browser.post("/sign-in", {"request": "x" * 70_000}).status == 413
    assert browser.post("/sign-in", {f"p{number}": "x" for number in range(200)}).status == 400


@pytest.mark.parametrize(
    ("person", "kind", "claims"),
    [
        ("siti", "citizen", {"nik": "3171014506909001"}),
        ("dapur-siti", "business", {"nib": "9120001234567"}),
        (
            "rina",
            "official",
            {"agency": "dukcapil", "unit": "Seksi Pelayanan Pendaftaran Penduduk", "role": "registrar"},
        ),
        ("hendra", "official", {"agency": "pbb", "unit": "Seksi Penagihan", "role": "tax-officer"}),
        ("wulan", "supervisor", {"agency": "dukcapil", "unit": "Inspektorat Pembantu", "role": "inspector"}),
        ("yoga", "steward", {"role": "walidata"}),
        ("ratna", "auditor", {"role": "auditor"}),
        ("surya", "protection-officer", {"role": "protection-officer"}),
        ("teguh", "operator", {"role": "operator"}),
    ],
)
def test_a_token_has_only_the_claims_that_the_hub_needs(
    openid_provider: RunningAgency, person: str, kind: str, claims: Mapping[str, str]
) -> None:
    callback = "http://127.0.0.1:8000/graphiql"
    code = obtain_code(
        openid_provider,
        {"person": person, "acr": "high", "decision": "allow"},
        client_id="graphiql",
        redirect_uri=callback,
    )
    answer = exchange_code(openid_provider, code, client_id="graphiql", redirect_uri=callback)

    header, token_claims = verify_token(openid_provider, answer.json["access_token"])

    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    frame = {"iss", "aud", "sub", "client_id", "scope", "acr", "auth_time", "iat", "exp", "jti", "kind"}
    assert token_claims.keys() == frame | claims.keys()
    assert {name: token_claims[name] for name in claims} == claims
    assert (token_claims["kind"], token_claims["aud"], token_claims["client_id"], token_claims["acr"]) == (
        kind,
        "simpul",
        "graphiql",
        "high",
    )
    assert token_claims["exp"] - token_claims["iat"] == 900


def test_an_assistants_token_names_the_actor_and_the_represented_person(openid_provider: RunningAgency) -> None:
    tokens = sign_in(openid_provider, {**SITI, "person": "agus-for-dewi"})
    own_tokens = sign_in(openid_provider, {**SITI, "person": "agus"})

    _, claims = verify_token(openid_provider, tokens["access_token"])
    _, own = verify_token(openid_provider, own_tokens["access_token"])

    assert (claims["kind"], claims["nik"], claims["on_behalf_of"]) == (
        "citizen",
        "3672010101009004",
        "3174055203559003",
    )
    assert claims["act"] == {"sub": own["sub"]} == {"sub": claims["sub"]}
    assert "act" not in own


def test_a_subject_is_the_same_at_every_sign_in_and_contains_no_nik(openid_provider: RunningAgency) -> None:
    first, second = (verify_token(openid_provider, sign_in(openid_provider)["access_token"])[1] for _ in range(2))

    assert first["sub"] == second["sub"]
    assert first["jti"] != second["jti"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", first["sub"])
    assert "3171014506909001" not in first["sub"]


def test_signing_out_ends_the_sign_in_and_redirects_to_a_registered_address(
    browser: ProviderBrowser,
) -> None:
    tokens = sign_in(browser.provider, scope="openid offline_access")
    after = {"post_logout_redirect_uri": "http://127.0.0.1:8123/signed-out", "state": "s"}

    answer = browser.get("/end-session", {"id_token_hint": tokens["id_token"], **after})

    assert (answer.status, answer.headers["location"]) == (303, "http://127.0.0.1:8123/signed-out?state=s")
    refreshed = request_token(
        browser.provider, grant_type="refresh_token", client_id="city-app", refresh_token=tokens["refresh_token"]
    )
    assert (refreshed.status, refreshed.json["error"]) == (400, "invalid_grant")


def test_signing_out_without_an_address_shows_a_message(browser: ProviderBrowser) -> None:
    tokens = sign_in(browser.provider)

    answer = browser.post("/end-session", {"id_token_hint": tokens["id_token"]})

    assert (answer.status, b"<h1>You are signed out</h1>" in answer.body) == (200, True)


def test_signing_out_does_not_redirect_to_an_unregistered_address(browser: ProviderBrowser) -> None:
    tokens = sign_in(browser.provider)
    hint = {"id_token_hint": tokens["id_token"]}

    for wrong in (
        {**hint, "post_logout_redirect_uri": "http://evil.example/"},
        {**hint, "client_id": "graphiql"},
        {"id_token_hint": tokens["access_token"]},
        {},
    ):
        answer = browser.get("/end-session", wrong)
        assert (answer.status, "location" in answer.headers) == (400, False)
