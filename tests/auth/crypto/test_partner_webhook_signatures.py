"""Webhooks are signed as the Standard Webhooks specification says, by a secret of each client's own."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode

from auth.crypto.partner_webhook_signatures import WebhookSignatures
from records.hub.clients import ClientId
from tests.fakes.clients import build_client

SIGNATURES = WebhookSignatures(b"a secret of thirty-two bytes....")
BODY = b'{"type":"consent.granted"}'


def expected(secret: str, id_: str, timestamp: int) -> str:
    key = b64decode(secret.removeprefix("whsec_"))
    return "v1," + b64encode(hmac.new(key, f"{id_}.{timestamp}.".encode() + BODY, "sha256").digest()).decode()


def test_the_signature_is_over_id_time_and_body() -> None:
    headers = SIGNATURES.build_headers(build_client("bank"), 1, id_="msg_1", timestamp=1_700_000_000, body=BODY)
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": expected(SIGNATURES.format_secret(build_client("bank"), 1), "msg_1", 1_700_000_000),
    }


def test_a_new_secret_signs_beside_the_one_before_and_no_older_one() -> None:
    headers = SIGNATURES.build_headers(build_client("bank"), 3, id_="msg_1", timestamp=1, body=BODY)
    by = [expected(SIGNATURES.format_secret(build_client("bank"), version), "msg_1", 1) for version in (3, 2, 1)]
    assert headers["webhook-signature"].split(" ") == by[:2]


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


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(SIGNATURES)
