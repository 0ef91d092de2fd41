"""The city's OpenID provider issues tokens only for valid grants and credentials."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from tests.sandbox.agency_requests import FORM, AgencyAnswer, ask
from tests.sandbox.provider_browser import (
    CALLBACK,
    VERIFIER,
    call_control,
    client_credentials,
    compute_challenge,
    exchange_code,
    issuer_url,
    obtain_code,
    request_client_token,
    request_token,
    sign_in,
    verify_token,
)
from tests.sandbox_agencies import RunningAgency


def read_refusal(answer: AgencyAnswer) -> tuple[int, str]:
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    return answer.status, answer.json["error"]


def refresh(provider: RunningAgency, refresh_token: str, **form: str) -> AgencyAnswer:
    usual = {"grant_type": "refresh_token", "client_id": "city-app", "refresh_token": refresh_token}
    return request_token(provider, **{**usual, **form})


def test_a_code_becomes_an_access_token_and_an_id_token_for_the_application(openid_provider: RunningAgency) -> None:
    answer = exchange_code(openid_provider, obtain_code(openid_provider))

    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (answer.json["token_type"], answer.json["expires_in"], answer.json["scope"]) == (
        "Bearer",
        900,
        "openid profile",
    )
    assert answer.headers["cache-control"] == "no-store"
    header, claims = verify_token(openid_provider, answer.json["id_token"])
    assert header["typ"] == "JWT"
    assert (claims["iss"], claims["aud"], claims["nonce"], claims["acr"], claims["name"], claims["kind"]) == (
        issuer_url(openid_provider),
        "city-app",
        "n-1",
        "substantial",
        "Siti Rahmawati",
        "citizen",
    )
    assert "nik" not in claims


def test_without_the_scope_openid_there_is_no_id_token(openid_provider: RunningAgency) -> None:
    assert "id_token" not in sign_in(openid_provider, scope="profile")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:8124/callback"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"client_id": "graphiql"}, "invalid_grant"),
    ],
)
def test_a_code_is_valid_only_for_its_client(
    openid_provider: RunningAgency, form: Mapping[str, str], error: str
) -> None:
    answer = exchange_code(openid_provider, obtain_code(openid_provider), **form)

    assert read_refusal(answer) == (400, error)


@pytest.mark.parametrize("code", ["guessed", ""])
def test_an_unknown_code_is_refused(openid_provider: RunningAgency, code: str) -> None:
    assert read_refusal(exchange_code(openid_provider, code)) == (400, "invalid_grant")


def test_a_custom_verifier_is_accepted(openid_provider: RunningAgency) -> None:
    verifier = "a.b~c_d-" * 8
    code = obtain_code(openid_provider, code_challenge=compute_challenge(verifier))

    assert exchange_code(openid_provider, code, code_verifier=verifier).status == 200


def test_an_expired_code_is_refused(openid_provider: RunningAgency) -> None:
    call_control(openid_provider, "PUT", "/lifetimes", {"code_s": 0})
    try:
        code = obtain_code(openid_provider)
    finally:
        call_control(openid_provider, "PUT", "/lifetimes", {"code_s": 60})

    assert read_refusal(exchange_code(openid_provider, code)) == (400, "invalid_grant")


def test_a_reused_code_is_refused_and_ends_its_sign_in(openid_provider: RunningAgency) -> None:
    code = obtain_code(openid_provider, scope="openid offline_access")
    tokens = exchange_code(openid_provider, code).json

    assert read_refusal(exchange_code(openid_provider, code)) == (400, "invalid_grant")
    assert read_refusal(refresh(openid_provider, tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_code_is_used_up_by_a_wrong_verifier(openid_provider: RunningAgency) -> None:
    code = obtain_code(openid_provider)
    exchange_code(openid_provider, code, code_verifier="x" * 43)

    assert read_refusal(exchange_code(openid_provider, code, code_verifier=VERIFIER)) == (400, "invalid_grant")


def test_a_refresh_token_needs_its_scope_and_gets_new_tokens_of_the_same_sign_in(
    openid_provider: RunningAgency,
) -> None:
    assert "refresh_token" not in sign_in(openid_provider)
    tokens = sign_in(openid_provider, scope="openid offline_access")

    again = refresh(openid_provider, tokens["refresh_token"])

    assert again.status == 200
    assert again.json["refresh_token"] != tokens["refresh_token"]
    before, after = (verify_token(openid_provider, each["access_token"])[1] for each in (tokens, again.json))
    changes = {"jti", "iat", "exp"}
    assert {name: value for name, value in after.items() if name not in changes} == {
        name: value for name, value in before.items() if name not in changes
    }
    assert after["jti"] != before["jti"]
    assert refresh(openid_provider, again.json["refresh_token"]).status == 200


def test_a_replaced_refresh_token_ends_the_whole_family(openid_provider: RunningAgency) -> None:
    first = sign_in(openid_provider, scope="openid offline_access")["refresh_token"]
    second = refresh(openid_provider, first).json["refresh_token"]

    assert read_refusal(refresh(openid_provider, first)) == (400, "invalid_grant")
    assert read_refusal(refresh(openid_provider, second)) == (400, "invalid_grant")


def test_a_refresh_token_is_refused_for_another_application_and_stays_valid(
    openid_provider: RunningAgency,
) -> None:
    refresh_token = sign_in(openid_provider, scope="openid offline_access")["refresh_token"]
    console = client_credentials(openid_provider, "audit-console")

    other = request_token(openid_provider, console, grant_type="refresh_token", refresh_token=refresh_token)

    assert read_refusal(other) == (400, "invalid_grant")
    assert refresh(openid_provider, refresh_token).status == 200


def test_a_refresh_token_can_reduce_scopes_but_not_add_any(openid_provider: RunningAgency) -> None:
    refresh_token = sign_in(openid_provider, scope="openid offline_access")["refresh_token"]

    assert read_refusal(refresh(openid_provider, refresh_token, scope="openid profile")) == (400, "invalid_scope")
    narrowed = refresh(openid_provider, refresh_token, scope="openid")
    assert narrowed.json["scope"] == "openid"
    assert verify_token(openid_provider, narrowed.json["access_token"])[1]["scope"] == "openid"


def test_an_expired_refresh_token_is_refused(openid_provider: RunningAgency) -> None:
    call_control(openid_provider, "PUT", "/lifetimes", {"refresh_s": 0})
    try:
        refresh_token = sign_in(openid_provider, scope="openid offline_access")["refresh_token"]
    finally:
        call_control(openid_provider, "PUT", "/lifetimes", {"refresh_s": 28800})

    assert read_refusal(refresh(openid_provider, refresh_token)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("client", "claims"),
    [
        ("kredit-nusantara", {"kind": "partner", "scope": "identity tax msmes regions:read"}),
        ("pantau-kota", {"kind": "partner", "scope": "complaints:read prices:read"}),
        (
            "crm-dispatch",
            {"kind": "agency-system", "agency": "crm", "scope": "complaints:read population:read"},
        ),
        ("dinkes-registry", {"kind": "agency-system", "agency": "dinkes", "scope": "population:read"}),
    ],
)
def test_an_application_gets_its_own_token_with_its_secret(
    openid_provider: RunningAgency, client: str, claims: Mapping[str, str]
) -> None:
    answer = request_client_token(openid_provider, client)

    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope"}
    header, token_claims = verify_token(openid_provider, answer.json["access_token"])
    assert header["typ"] == "at+jwt"
    assert token_claims.keys() == {"iss", "aud", "iat", "exp", "jti", "sub", "client_id"} | claims.keys()
    assert {name: token_claims[name] for name in claims} == claims
    assert token_claims["sub"] == token_claims["client_id"] == client
    assert token_claims["aud"] == "simpul"


def test_a_secret_can_be_sent_in_the_form(openid_provider: RunningAgency) -> None:
    client, secret = client_credentials(openid_provider, "pantau-kota")

    answer = request_token(
        openid_provider,
        grant_type="client_credentials",
        client_id=client,
        client_secret=secret,
        scope="prices:read prices:read",
    )

    assert (answer.status, answer.json["scope"]) == (200, "prices:read")


def test_an_application_gets_only_its_own_scopes(openid_provider: RunningAgency) -> None:
    assert read_refusal(request_client_token(openid_provider, "pantau-kota", scope="prices:read tax")) == (
        400,
        "invalid_scope",
    )


@pytest.mark.parametrize(
    ("basic", "form"),
    [
        (("pantau-kota", "guessed"), {}),
        (("pantau-kota", ""), {}),
        (("nobody", "x"), {}),
        (None, {"client_id": "pantau-kota"}),
        (None, {"client_id": "pantau-kota", "client_secret": "guessed"}),
        (None, {}),
        (None, {"client_id": "city-app", "client_secret": "it has none"}),
    ],
)
def test_an_unauthenticated_client_is_refused(
    openid_provider: RunningAgency, basic: tuple[str, str] | None, form: Mapping[str, str]
) -> None:
    answer = request_token(openid_provider, basic, grant_type="client_credentials", **form)

    assert read_refusal(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="token"'


def test_clients_have_different_secrets(openid_provider: RunningAgency) -> None:
    _, secret = client_credentials(openid_provider, "pantau-kota")

    answer = request_token(openid_provider, ("kredit-nusantara", secret), grant_type="client_credentials")

    assert read_refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize("authorization", ["Basic %%%", "Basic bm9jb2xvbg==", "Bearer x", "Basic", ""])
def test_an_unreadable_header_is_refused(openid_provider: RunningAgency, authorization: str) -> None:
    answer = ask(
        openid_provider,
        "POST",
        "/token",
        body=b"grant_type=client_credentials",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization},
    )

    assert read_refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x", "code_verifier": VERIFIER}, "unauthorized_client"),
        ({"grant_type": "client_credentials", "client_secret": "twice"}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "kredit-nusantara"}, "invalid_request"),
    ],
)
def test_an_invalid_request_is_refused_with_the_reason(
    openid_provider: RunningAgency, form: Mapping[str, str], error: str
) -> None:
    answer = request_token(openid_provider, client_credentials(openid_provider, "pantau-kota"), **form)

    assert read_refusal(answer) == (400, error)


def test_an_app_without_a_secret_gets_no_own_token(openid_provider: RunningAgency) -> None:
    answer = request_token(openid_provider, grant_type="client_credentials", client_id="city-app")

    assert read_refusal(answer) == (400, "unauthorized_client")


def test_a_console_with_a_secret_needs_both_its_secret_and_the_verifier(openid_provider: RunningAgency) -> None:
    callback = "http://127.0.0.1:9000/console/callback"
    overrides = {"client_id": "audit-console", "redirect_uri": callback}
    auditor = {"person": "ratna", "acr": "high", "decision": "allow"}
    form = {"grant_type": "authorization_code", "redirect_uri": callback, "code_verifier": VERIFIER}

    bare = request_token(
        openid_provider, client_id="audit-console", code=obtain_code(openid_provider, auditor, **overrides), **form
    )
    code = obtain_code(openid_provider, auditor, **overrides)
    good = request_token(openid_provider, client_credentials(openid_provider, "audit-console"), code=code, **form)

    assert read_refusal(bare) == (401, "invalid_client")
    assert verify_token(openid_provider, good.json["access_token"])[1]["kind"] == "auditor"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 400),
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded", 400),
        (b"x=" + b"y" * 70_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_body_that_is_not_a_form_is_refused(
    openid_provider: RunningAgency, body: bytes, content_type: str, status: int
) -> None:
    answer = ask(openid_provider, "POST", "/token", body=body, headers={"Content-Type": content_type})

    assert read_refusal(answer) == (status, "invalid_request")


def test_the_token_endpoint_accepts_only_post(openid_provider: RunningAgency) -> None:
    assert ask(openid_provider, "GET", f"/token?redirect_uri={CALLBACK}").status == 405


def revoke(provider: RunningAgency, token_text: str, **form: str) -> AgencyAnswer:
    body = urlencode({"client_id": "city-app", "token": token_text, **form}).encode()
    return ask(provider, "POST", "/revoke", body=body, headers={"Content-Type": FORM})


def test_a_revoked_refresh_token_is_refused(openid_provider: RunningAgency) -> None:
    refresh_token = sign_in(openid_provider, scope="openid offline_access")["refresh_token"]

    assert revoke(openid_provider, refresh_token).status == 200
    assert read_refusal(refresh(openid_provider, refresh_token)) == (400, "invalid_grant")
    assert revoke(openid_provider, refresh_token).status == 200


def test_an_application_cannot_revoke_the_refresh_token_of_another(openid_provider: RunningAgency) -> None:
    refresh_token = sign_in(openid_provider, scope="openid offline_access")["refresh_token"]

    assert revoke(openid_provider, refresh_token, client_id="graphiql").status == 200
    assert refresh(openid_provider, refresh_token).status == 200


def test_an_access_token_cannot_be_revoked(openid_provider: RunningAgency) -> None:
    access_token = sign_in(openid_provider)["access_token"]

    assert read_refusal(revoke(openid_provider, access_token)) == (400, "unsupported_token_type")
    assert read_refusal(revoke(openid_provider, "")) == (400, "invalid_request")
    assert read_refusal(revoke(openid_provider, access_token, client_id="audit-console")) == (401, "invalid_client")
