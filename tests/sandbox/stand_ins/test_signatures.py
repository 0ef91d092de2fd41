"""A stand-in verifies signed calls as an agency does: signature, time, token, and numbers that come once a day.

The requests are signed here, without the code of the hub and of the stand-in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox.stand_ins.sealing import compress
from sandbox.stand_ins.sources import CITY_VARIABLE
from settings.city.folder import DEFAULT_CITY
from tests.connectors.drivers.http.sealed.lz_vectors import VECTORS
from tests.sandbox.agency_requests import AgencyAnswer, ask
from tests.sandbox_agencies import RunningAgency, run_agency

TOKEN, QUERY = "/v1.0/access-token/b2b", "/v1.0/qr/qr-mpm-query"
BODY = b'{"originalPartnerReferenceNo":"SIMPUL-PROBE","serviceCode":"47"}'
JAKARTA = timezone(timedelta(hours=7))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    folder = tmp_path_factory.mktemp("bank")
    with run_agency("pembayaran", folder, environment={CITY_VARIABLE: str(DEFAULT_CITY)}) as agency:
        yield agency


@pytest.fixture(scope="module")
def insurance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    folder = tmp_path_factory.mktemp("insurance")
    with run_agency("bpjs", folder, environment={CITY_VARIABLE: str(DEFAULT_CITY)}) as agency:
        yield agency


def tell_time(minutes: float = 0) -> str:
    return (datetime.now(JAKARTA) + timedelta(minutes=minutes)).isoformat(timespec="seconds")


def fetch_token(bank: RunningAgency, *, minutes: float = 0, client: str | None = None) -> AgencyAnswer:
    key = serialization.load_pem_private_key((bank.state / "private_key.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    moment = tell_time(minutes)
    signature = key.sign(f"{bank.user}|{moment}".encode(), PKCS1v15(), hashes.SHA256())
    headers = {"X-CLIENT-KEY": client or bank.user, "X-TIMESTAMP": moment, "X-SIGNATURE": b64encode(signature).decode()}
    return ask(bank, "POST", TOKEN, body=b'{"grantType":"client_credentials"}', headers=headers)


def sign(bank: RunningAgency, number: str, *, minutes: float = 0, token: str | None = None) -> dict[str, str]:
    token = token or fetch_token(bank).json["accessToken"]
    moment = tell_time(minutes)
    text = f"POST:{QUERY}:{token}:{hashlib.sha256(BODY).hexdigest()}:{moment}"
    return {
        "Authorization": f"Bearer {token}",
        "X-PARTNER-ID": bank.user,
        "CHANNEL-ID": "95221",
        "X-TIMESTAMP": moment,
        "X-SIGNATURE": b64encode(hmac.digest(bank.secret.encode(), text.encode(), "sha512")).decode(),
        "X-EXTERNAL-ID": number,
    }


def query(bank: RunningAgency, headers: Mapping[str, str], body: bytes = BODY) -> AgencyAnswer:
    return ask(bank, "POST", QUERY, body=body, headers={"Content-Type": "application/json", **headers})


def test_a_signed_call_is_answered(bank: RunningAgency) -> None:
    answer = query(bank, sign(bank, "1"))
    assert (answer.status, answer.json["responseCode"]) == (404, "4045101")


def test_a_repeated_number_is_a_conflict(bank: RunningAgency) -> None:
    assert query(bank, sign(bank, "2")).status == 404
    assert query(bank, sign(bank, "2")).status == 409
    assert query(bank, sign(bank, "3")).status == 404


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_clock_that_differs_by_more_than_five_minutes_is_refused(bank: RunningAgency, minutes: float) -> None:
    assert query(bank, sign(bank, f"1{minutes + 10}", minutes=minutes)).status == 401
    assert fetch_token(bank, minutes=minutes).status == 401


def test_a_changed_body_header_or_token_is_refused(bank: RunningAgency) -> None:
    assert query(bank, sign(bank, "4"), BODY.replace(b"47", b"48")).status == 401
    assert query(bank, sign(bank, "5") | {"X-TIMESTAMP": tell_time(1)}).status == 401
    assert query(bank, sign(bank, "6") | {"X-SIGNATURE": "no base64!"}).status == 401
    assert query(bank, sign(bank, "7", token="another")).status == 401
    without = sign(bank, "8")
    del without["X-EXTERNAL-ID"]
    assert query(bank, without).status == 401


def test_a_token_is_for_the_client_that_signed(bank: RunningAgency) -> None:
    answer = fetch_token(bank)
    assert (answer.status, answer.json["tokenType"], answer.json["expiresIn"]) == (200, "Bearer", "3600")
    assert fetch_token(bank, client="another").status == 401


def ask_insurance(insurance: RunningAgency, timestamp: int) -> AgencyAnswer:
    signed = f"{insurance.user}&{timestamp}".encode()
    headers = {
        "user_key": insurance.secret,
        "X-cons-id": insurance.user,
        "X-timestamp": str(timestamp),
        "X-signature": b64encode(hmac.digest(insurance.secret.encode(), signed, "sha256")).decode(),
    }
    path = f"/Peserta/nik/3171014506909001/tglSEP/{datetime.now(JAKARTA).date().isoformat()}"
    return ask(insurance, "GET", path, headers=headers)


def test_a_reply_is_sealed_for_the_second_of_its_call(insurance: RunningAgency) -> None:
    now = int(datetime.now(UTC).timestamp())
    first, second = (ask_insurance(insurance, each).json for each in (now, now - 1))
    assert first["metaData"] == {"code": "200", "message": "OK"}
    assert first["response"] != second["response"]
    assert len(b64decode(first["response"], validate=True)) % 16 == 0


def test_a_refusal_is_a_code_in_the_body(insurance: RunningAgency) -> None:
    answer = ask_insurance(insurance, int(datetime.now(UTC).timestamp()) - 400)
    assert (answer.status, json.loads(answer.body)) == (
        200,
        {"metaData": {"code": "401", "message": "Unauthorized"}, "response": None},
    )


@pytest.mark.parametrize("text", VECTORS, ids=lambda each: each[:10] or "empty")
def test_texts_are_compressed_as_by_the_original(text: str) -> None:
    assert compress(text) == VECTORS[text]
