"""The client's certificate, as a TLS-terminating proxy reports it."""

from __future__ import annotations

import base64
from hashlib import sha256
from urllib.parse import quote

import pytest

from web.client_certificate import ClientCertificates, parse_thumbprint
from web.request_headers import RequestHeaders

DER = bytes(range(200))
DIGEST = sha256(DER)
THUMBPRINT = base64.urlsafe_b64encode(DIGEST.digest()).decode().rstrip("=")
BASE64 = base64.b64encode(DER).decode()
PEM = f"-----BEGIN CERTIFICATE-----\n{BASE64[:64]}\n{BASE64[64:]}\n-----END CERTIFICATE-----\n"
HEX = DIGEST.hexdigest()


@pytest.mark.parametrize(
    "value",
    [
        THUMBPRINT,
        f" {THUMBPRINT} ",
        HEX,
        HEX.upper(),
        ":".join(HEX[at : at + 2] for at in range(0, 64, 2)),
        f":{BASE64}:",
        quote(PEM, safe=""),
        PEM.replace("\n", " "),
    ],
)
def test_reads_a_certificate_in_every_known_form(value: str) -> None:
    assert parse_thumbprint(value) == THUMBPRINT


@pytest.mark.parametrize(
    "value",
    [
        "",
        "none",
        "NONE",
        THUMBPRINT[:-1],
        THUMBPRINT + "=",
        HEX[:-1],
        HEX[:40],
        "::",
        ":!:",
        ":AAA:",
        "%",
        "é" * 43,
        BASE64,
    ],
)
def test_other_header_values_give_no_thumbprint(value: str) -> None:
    assert parse_thumbprint(value) is None


def read_thumbprint(
    client: tuple[str, int] | None, *headers: tuple[bytes, bytes], trusted: tuple[str, ...] = ()
) -> str | None:
    scope = {"type": "http", "headers": list(headers), "client": client}
    return ClientCertificates("Client-Thumbprint", trusted).get_thumbprint(scope, RequestHeaders(scope))


HEADER = (b"client-thumbprint", THUMBPRINT.encode())


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_trusted(client: str) -> None:
    assert read_thumbprint((client, 5), HEADER) == THUMBPRINT


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_not_trusted_if_the_hub_listens_for_others(client: str) -> None:
    scope = {"type": "http", "headers": [HEADER], "client": (client, 5)}
    for trusted, expected in (((), None), (("127.0.0.1", "::1"), THUMBPRINT)):
        reading = ClientCertificates("Client-Thumbprint", trusted, trusts_loopback=False)
        assert reading.get_thumbprint(scope, RequestHeaders(scope)) == expected


def test_an_ipv4_mapped_peer_equals_the_ipv4_address() -> None:
    assert read_thumbprint(("::ffff:10.0.0.7", 5), HEADER, trusted=("10.0.0.7",)) == THUMBPRINT


def test_another_machine_is_trusted_if_it_is_listed() -> None:
    assert read_thumbprint(("10.0.0.7", 5), HEADER) is None
    assert read_thumbprint(("10.0.0.7", 5), HEADER, trusted=("10.0.0.7",)) == THUMBPRINT
    assert read_thumbprint(("10.0.0.8", 5), HEADER, trusted=("10.0.0.7",)) is None
    assert read_thumbprint(("fd00:0::7", 5), HEADER, trusted=("fd00::7",)) == THUMBPRINT


@pytest.mark.parametrize("client", [None, ("", 0), ("gateway", 5)])
def test_a_peer_without_an_ip_address_is_not_trusted(client: tuple[str, int] | None) -> None:
    assert read_thumbprint(client, HEADER, trusted=("10.0.0.7",)) is None


def test_a_repeated_header_is_ignored() -> None:
    assert read_thumbprint(("127.0.0.1", 5), HEADER, HEADER) is None
    assert read_thumbprint(("127.0.0.1", 5)) is None
