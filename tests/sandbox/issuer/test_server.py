"""The city's OpenID provider publishes correct metadata and keys, and fails like the agencies."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from joserfc.errors import JoseError

from tests.sandbox.agency_requests import ask
from tests.sandbox.provider_browser import call_control, issuer_url, request_client_token, sign_in, verify_token
from tests.sandbox_agencies import AgencyDidNotStartError, RunningAgency, run_agency, start_agency

REQUIRED = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
}
"""OpenID Connect Discovery 1.0, section 3; `userinfo_endpoint`, `scopes_supported`, `claims_supported` recommended."""


@pytest.fixture
def provider(openid_provider: RunningAgency) -> Iterator[RunningAgency]:
    """The provider with its counters at 0."""
    openid_provider.reset_calls()
    yield openid_provider
    openid_provider.set_mode("normal")


def test_the_discovery_document_has_every_required_member_and_the_requested_issuer(
    provider: RunningAgency,
) -> None:
    answer = ask(provider, "GET", "/.well-known/openid-configuration")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json.keys() >= REQUIRED | {"userinfo_endpoint", "scopes_supported", "claims_supported"}
    assert answer.json["issuer"] == issuer_url(provider) == provider.health()["issuer"]
    assert answer.json["response_types_supported"] == ["code"]
    assert answer.json["subject_types_supported"] == ["public"]
    assert answer.json["id_token_signing_alg_values_supported"] == ["ES256"]
    assert answer.json["acr_values_supported"] == ["low", "substantial", "high"]


def test_every_address_of_the_discovery_document_is_served(provider: RunningAgency) -> None:
    document = ask(provider, "GET", "/.well-known/openid-configuration").json
    addresses = {name: value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))}

    assert len(addresses) == 6
    for address in addresses.values():
        assert address.startswith(issuer_url(provider))
        assert ask(provider, "GET", urlsplit(address).path).status != 404


def test_all_token_contents_are_in_the_discovery_document(provider: RunningAgency) -> None:
    document = ask(provider, "GET", "/.well-known/openid-configuration").json

    _, claims = verify_token(provider, sign_in(provider)["id_token"])

    assert {"aud", *claims} == set(document["claims_supported"])


def test_the_published_keys_are_public_and_have_a_use(provider: RunningAgency) -> None:
    (key, *_) = ask(provider, "GET", "/jwks").json["keys"]

    assert {name: key[name] for name in ("kty", "crv", "use", "alg")} == {
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
    }
    assert key.keys() == {"kty", "crv", "use", "alg", "kid", "x", "y"}


def test_a_new_key_signs_immediately_and_the_previous_one_is_still_published(provider: RunningAgency) -> None:
    before = request_client_token(provider, "pantau-kota").json["access_token"]
    old = verify_token(provider, before)[0]["kid"]

    rotated = call_control(provider, "POST", "/rotate")

    assert rotated["published"][:2] == [rotated["kid"], old]
    assert [key["kid"] for key in ask(provider, "GET", "/jwks").json["keys"]] == rotated["published"]
    assert verify_token(provider, before)[0]["kid"] == old
    assert (
        verify_token(provider, request_client_token(provider, "pantau-kota").json["access_token"])[0]["kid"]
        == rotated["kid"]
    )


def test_the_key_file_is_private_and_survives_a_restart(tmp_path: Path) -> None:
    with run_agency("issuer", tmp_path) as provider:
        token = request_client_token(provider, "pantau-kota").json["access_token"]
        file = provider.state / "keys.json"
        assert file.stat().st_mode & 0o777 == 0o600
        provider.stop()
        provider.restart()

        assert verify_token(provider, token)[1]["sub"] == "pantau-kota"


def test_a_damaged_key_file_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "issuer").mkdir()
    (tmp_path / "issuer" / "keys.json").write_text("[]]")

    with pytest.raises(AgencyDidNotStartError, match=r"sandbox: .*keys\.json is damaged; delete it") as caught:
        start_agency("issuer", tmp_path)

    assert "Traceback" not in str(caught.value)


def test_userinfo_names_the_owner_of_a_token(provider: RunningAgency) -> None:
    tokens = sign_in(provider)

    answer = ask(provider, "GET", "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})

    assert answer.json == {
        "sub": verify_token(provider, tokens["id_token"])[1]["sub"],
        "name": "Siti Rahmawati",
        "kind": "citizen",
    }


def test_userinfo_without_the_profile_scope_is_only_a_subject(provider: RunningAgency) -> None:
    tokens = sign_in(provider, scope="openid")

    answer = ask(provider, "POST", "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})

    assert answer.json.keys() == {"sub"}


def test_userinfo_refuses_tokens_that_are_not_a_persons(provider: RunningAgency) -> None:
    tokens = sign_in(provider)
    partner = request_client_token(provider, "pantau-kota").json["access_token"]

    def asked(token: str) -> tuple[int, str]:
        answer = ask(provider, "GET", "/userinfo", headers={"Authorization": f"Bearer {token}"})
        return answer.status, answer.headers["www-authenticate"].partition(",")[0]

    assert asked(tokens["id_token"]) == (401, 'Bearer error="invalid_token"')
    assert asked(tokens["access_token"][:-4] + "AAAA") == (401, 'Bearer error="invalid_token"')
    assert asked(partner) == (403, 'Bearer error="insufficient_scope"')
    unauthenticated = ask(provider, "GET", "/userinfo")
    assert (unauthenticated.status, unauthenticated.headers["www-authenticate"]) == (401, "Bearer")


def test_an_access_token_expires_at_its_time(provider: RunningAgency) -> None:
    call_control(provider, "PUT", "/lifetimes", {"access_s": 0})
    try:
        tokens = sign_in(provider)
    finally:
        call_control(provider, "PUT", "/lifetimes", {"access_s": 900})

    answer = ask(provider, "GET", "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})

    assert answer.status == 401
    assert tokens["expires_in"] == 0
    assert verify_token(provider, tokens["access_token"])[1]["exp"] <= time.time()


@pytest.mark.parametrize("body", [{"code_s": -1}, {"code_s": 1.5}, {"code_s": True}, {"years": 1}, [60]])
def test_an_invalid_lifetime_is_refused_and_changes_nothing(provider: RunningAgency, body: object) -> None:
    before = call_control(provider, "GET", "/lifetimes")

    assert call_control(provider, "PUT", "/lifetimes", body) == {
        "error": "lifetimes are whole seconds from 0 on, by name: code_s, access_s, refresh_s."
    }
    assert call_control(provider, "GET", "/lifetimes") == before == {"code_s": 60, "access_s": 900, "refresh_s": 28800}


def test_another_origin_may_request_tokens_but_not_read_the_sign_in_page(provider: RunningAgency) -> None:
    origin = {"Origin": "http://127.0.0.1:8000"}

    preflight = ask(provider, "OPTIONS", "/token", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, "*")
    for path in ("/.well-known/openid-configuration", "/jwks", "/userinfo"):
        assert ask(provider, "GET", path, headers=origin).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in ask(provider, "GET", "/authorize", headers=origin).headers


def test_a_foreign_host_name_is_refused(provider: RunningAgency) -> None:
    assert ask(provider, "GET", "/jwks", headers={"Host": "evil.example"}).status == 400


def test_calls_are_counted_by_operation(provider: RunningAgency) -> None:
    ask(provider, "GET", "/jwks")
    request_client_token(provider, "pantau-kota")
    ask(provider, "GET", "/userinfo", headers={"Authorization": "Bearer rubbish"})

    assert provider.count_calls() == {"GET /jwks": 1, "POST /token": 1, "GET /userinfo": 1, "refused": 1}


def test_in_mode_error_it_answers_500(provider: RunningAgency) -> None:
    with provider.in_mode("error"):
        answer = ask(provider, "GET", "/jwks")

    assert (answer.status, answer.json["error"]) == (500, "server_error")


def test_in_mode_rubbish_it_answers_a_web_page(provider: RunningAgency) -> None:
    with provider.in_mode("rubbish"):
        answer = ask(provider, "GET", "/jwks")

    assert (answer.status, answer.body[:6]) == (200, b"<html>")


def test_in_mode_refuse_no_client_and_no_token_is_valid(provider: RunningAgency) -> None:
    tokens = sign_in(provider)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}

    with provider.in_mode("refuse"):
        refused = request_client_token(provider, "pantau-kota")
        unauthenticated = ask(provider, "GET", "/userinfo", headers=bearer)

    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    assert unauthenticated.status == 401
    assert ask(provider, "GET", "/userinfo", headers=bearer).status == 200


def test_a_token_of_another_city_is_refused(provider: RunningAgency, tmp_path: Path) -> None:
    with run_agency("issuer", tmp_path) as other:
        token = request_client_token(other, "pantau-kota").json["access_token"]

    with pytest.raises((JoseError, ValueError)):
        verify_token(provider, token)
