"""`simpul consents` tells what became of a request, what partners are told, and how they check it."""

from __future__ import annotations

import http.client
import json
from base64 import b64decode
from contextlib import closing

import pytest

from auth.webhook_signatures import WebhookSignatures
from sandbox.state_folder import StateFolder
from tests.cli.running import Serve, simpul, until
from tests.clients import client_named


@pytest.fixture
def request_id(running: Serve) -> str:
    """A request for consent of the sandbox's credit company."""
    token = simpul(running.state, "token", "--client", "kredit-nusantara").stdout.strip()
    wanted = {
        "scopes": ["tax"],
        "purpose": "CREDIT_ASSESSMENT",
        "lasts": 1,
        "redirect_uri": "http://127.0.0.1:9010/back",
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)) as connection:
        connection.request("POST", "/consent/requests", json.dumps(wanted), headers)
        asked = json.loads(connection.getresponse().read())
    id_: str = asked["id"]
    return id_


def siti(running: Serve, query: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {simpul(running.state, 'token', 'siti').stdout.strip()}",
    }
    with closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)) as connection:
        connection.request("POST", "/graphql", json.dumps({"query": query}), headers)
        assert "errors" not in json.loads(connection.getresponse().read())


def test_what_happened_is_shown_in_order_and_not_to_whom(running: Serve, request_id: str) -> None:
    siti(running, f'{{ me {{ consentRequest(id: "{request_id}") {{ id }} }} }}')
    siti(running, f'mutation {{ refuseConsent(request: "{request_id}") {{ returnTo }} }}')
    outcome = simpul(running.state, "consents", "show", request_id, COLUMNS="40")
    assert outcome.returncode == 0
    rows = outcome.stdout.splitlines()[1:]
    assert [row.split()[2] for row in rows][:3] == ["asked", "opened", "refused"]
    assert "scopes: ['tax']" in rows[0]
    assert "3171" not in outcome.stdout


def test_a_call_to_a_partner_without_a_webhook_is_listed_as_given_up(running: Serve, request_id: str) -> None:
    siti(running, f'{{ me {{ consentRequest(id: "{request_id}") {{ id }} }} }}')
    siti(running, f'mutation {{ refuseConsent(request: "{request_id}") {{ returnTo }} }}')

    def listed() -> bool:
        outcome = simpul(running.state, "consents", "outbox", "sandbox/kredit-nusantara", COLUMNS="40")
        rows = [row for row in outcome.stdout.splitlines() if request_id in row]
        return bool(rows) and "given up" in rows[0] and "the contract names no webhook" in rows[0]

    until(listed, "the call is given up")
    assert request_id not in simpul(running.state, "consents", "outbox", "sandbox/pantau-kota").stdout


def test_an_id_of_nothing_is_said_to_be_one(running: Serve) -> None:
    outcome = simpul(running.state, "consents", "show", "0" * 32)
    assert (outcome.returncode, outcome.stderr) == (
        1,
        "simpul: there is neither a request nor a consent of that id\n",
    )


def test_the_secret_is_the_one_that_signs(running: Serve) -> None:
    kept = StateFolder(running.state).known_secret("ids")
    assert kept is not None
    secret = b64decode(kept)
    for version in (1, 2):
        outcome = simpul(running.state, "consents", "secret", "development/bank", "--version", str(version))
        assert outcome.stdout == WebhookSignatures(secret).secret_of(client_named("bank"), version) + "\n"
    assert simpul(running.state, "consents", "secret", "development/bank", "--version", "0").returncode != 0
