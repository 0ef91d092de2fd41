"""Agencies' webhooks are accepted if their agency signed them recently, and the hub signs its own."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode

import pytest

from auth.crypto.webhook_signatures import AgencyHookSecrets, InvalidHookSignature, WebhookSignatures, sign
from records.hub.clients import ClientId
from tests.fakes.clients import build_client

NOW = 1_764_000_000.0
SECRETS = AgencyHookSecrets(b"a secret of thirty-two bytes....")
BODY = b'{"everything":true}'
SIGNATURES = WebhookSignatures(b"a secret of thirty-two bytes....")
EVENT = b'{"type":"consent.granted"}'


def build_signed_headers(
    agency: str = "pbb", *, at: float = NOW, body: bytes = BODY, call: str = "msg-1"
) -> dict[str, str]:
    moment = str(int(at))
    return {
        "webhook-id": call,
        "webhook-timestamp": moment,
        "webhook-signature": sign(SECRETS.derive_secret(agency), call, moment, body),
    }


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' own libraries."""
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == expected


def test_an_agencys_call_is_accepted_within_five_minutes_of_the_clock() -> None:
    for at in (NOW - 299, NOW, NOW + 299):
        assert SECRETS.verify("pbb", build_signed_headers(at=at), BODY, now=NOW) == "msg-1"
    for at in (NOW - 302, NOW + 302):
        with pytest.raises(InvalidHookSignature, match="webhook-timestamp"):
            SECRETS.verify("pbb", build_signed_headers(at=at), BODY, now=NOW)


def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced() -> None:
    headers = build_signed_headers()
    headers["webhook-signature"] = f"v1,b3RoZXI= {headers['webhook-signature']}"
    assert SECRETS.verify("pbb", headers, BODY, now=NOW) == "msg-1"


@pytest.mark.parametrize(
    ("agency", "change", "body", "match"),
    [
        ("crm", {}, BODY, "webhook-signature"),
        ("pbb", {}, b'{"everything":true }', "webhook-signature"),
        ("pbb", {"webhook-id": "msg-2"}, BODY, "webhook-signature"),
        ("pbb", {"webhook-signature": ""}, BODY, "webhook-signature"),
        ("pbb", {"webhook-signature": "v1,"}, BODY, "webhook-signature"),
        ("pbb", {"webhook-id": ""}, BODY, "webhook-id"),
        ("pbb", {"webhook-id": "x" * 129}, BODY, "webhook-id"),
        ("pbb", {"webhook-id": "a\nb"}, BODY, "webhook-id"),
        ("pbb", {"webhook-timestamp": ""}, BODY, "webhook-timestamp"),
        ("pbb", {"webhook-timestamp": "-1"}, BODY, "webhook-timestamp"),
        ("pbb", {"webhook-timestamp": "9" * 400}, BODY, "webhook-timestamp"),
        ("pbb", {"webhook-timestamp": "nan"}, BODY, "webhook-timestamp"),
    ],
)
def test_an_invalid_call_is_refused_with_the_name_of_the_wrong_header(
    agency: str, change: dict[str, str], body: bytes, match: str
) -> None:
    with pytest.raises(InvalidHookSignature, match=match):
        SECRETS.verify(agency, {**build_signed_headers(), **change}, body, now=NOW)


def test_each_agency_has_its_own_secret_in_the_form_that_libraries_expect() -> None:
    assert SECRETS.derive_secret("pbb") != SECRETS.derive_secret("crm")
    assert SECRETS.format_secret("pbb").startswith("whsec_")
    assert b64decode(SECRETS.format_secret("pbb").removeprefix("whsec_")) == SECRETS.derive_secret("pbb")
    assert repr(SECRETS) == "<AgencyHookSecrets>"


def compute_signature(secret: str, id_: str, timestamp: int) -> str:
    key = b64decode(secret.removeprefix("whsec_"))
    return "v1," + b64encode(hmac.new(key, f"{id_}.{timestamp}.".encode() + EVENT, "sha256").digest()).decode()


def test_the_signature_is_over_id_time_and_body() -> None:
    headers = SIGNATURES.build_headers(build_client("bank"), 1, id_="msg_1", timestamp=1_700_000_000, body=EVENT)
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": compute_signature(
            SIGNATURES.format_secret(build_client("bank"), 1), "msg_1", 1_700_000_000
        ),
    }


def test_the_current_and_the_previous_secret_sign_and_no_older_one() -> None:
    headers = SIGNATURES.build_headers(build_client("bank"), 3, id_="msg_1", timestamp=1, body=EVENT)
    expected = [
        compute_signature(SIGNATURES.format_secret(build_client("bank"), version), "msg_1", 1) for version in (3, 2, 1)
    ]
    assert headers["webhook-signature"].split(" ") == expected[:2]


def test_each_client_each_version_and_each_hub_has_another_secret() -> None:
    other = WebhookSignatures(b"another secret of thirty-two....")
    secrets = [
        SIGNATURES.format_secret(build_client("bank"), 1),
        SIGNATURES.format_secret(build_client("bank"), 2),
        SIGNATURES.format_secret(build_client("shop"), 1),
        SIGNATURES.format_secret(ClientId.from_stored("2\ndevelopment/bank"), 1),
        other.format_secret(build_client("bank"), 1),
    ]
    assert len(set(secrets)) == len(secrets)
    assert all(each.startswith("whsec_") and len(b64decode(each.removeprefix("whsec_"))) == 32 for each in secrets)
    assert SIGNATURES.format_secret(build_client("bank"), 1) == WebhookSignatures(
        b"a secret of thirty-two bytes...."
    ).format_secret(build_client("bank"), 1)


def test_the_repr_shows_no_secret() -> None:
    assert "secret" not in repr(SIGNATURES)
