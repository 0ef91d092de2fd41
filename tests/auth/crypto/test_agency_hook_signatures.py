"""Webhooks of agencies: believed when their agency signed them a moment ago."""

from __future__ import annotations

from base64 import b64decode

import pytest

from auth.crypto.agency_hook_signatures import AgencyHookSecrets, InvalidHookSignature
from auth.crypto.standard_webhooks import sign

NOW = 1_764_000_000.0
SECRETS = AgencyHookSecrets(b"a secret of thirty-two bytes....")
BODY = b'{"everything":true}'


def signed(agency: str = "pbb", *, at: float = NOW, body: bytes = BODY, call: str = "msg-1") -> dict[str, str]:
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


def test_a_call_of_the_agency_is_believed_within_five_minutes_of_the_clock() -> None:
    for at in (NOW - 299, NOW, NOW + 299):
        assert SECRETS.verify("pbb", signed(at=at), BODY, now=NOW) == "msg-1"
    for at in (NOW - 302, NOW + 302):
        with pytest.raises(InvalidHookSignature, match="webhook-timestamp"):
            SECRETS.verify("pbb", signed(at=at), BODY, now=NOW)


def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced() -> None:
    headers = signed()
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
def test_everything_else_is_refused_with_what_is_wrong(
    agency: str, change: dict[str, str], body: bytes, match: str
) -> None:
    with pytest.raises(InvalidHookSignature, match=match):
        SECRETS.verify(agency, {**signed(), **change}, body, now=NOW)


def test_each_agency_has_its_own_secret_in_the_form_that_libraries_take() -> None:
    assert SECRETS.derive_secret("pbb") != SECRETS.derive_secret("crm")
    assert SECRETS.format_secret("pbb").startswith("whsec_")
    assert b64decode(SECRETS.format_secret("pbb").removeprefix("whsec_")) == SECRETS.derive_secret("pbb")
    assert repr(SECRETS) == "<HookSecrets>"
