"""`simpul consents` shows the events of a request, the webhooks to partners, and the secret that verifies them."""

from __future__ import annotations

import http.client
import json
from base64 import b64decode
from contextlib import closing

import pytest

from auth.crypto.webhook_signatures import WebhookSignatures
from sandbox.state_folder import StateFolder
from tests.cli.command_line import ServeProcess, run_simpul
from tests.fakes.clients import build_client
from tests.fakes.waiting import block_until


@pytest.fixture
def request_id(serve_process: ServeProcess) -> str:
    """A request for consent of the sandbox's credit company."""
    token = run_simpul(serve_process.state, "token", "--client", "kredit-nusantara").stdout.strip()
    wanted = {
        "scopes": ["tax"],
        "purpose": "CREDIT_ASSESSMENT",
        "lasts": 1,
        "redirect_uri": "http://127.0.0.1:9010/back",
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection("127.0.0.1", serve_process.port, timeout=60)) as connection:
        connection.request("POST", "/consent/requests", json.dumps(wanted), headers)
        answer = json.loads(connection.getresponse().read())
    id_: str = answer["id"]
    return id_


def ask_as_siti(serve_process: ServeProcess, query: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {run_simpul(serve_process.state, 'token', 'siti').stdout.strip()}",
    }
    with closing(http.client.HTTPConnection("127.0.0.1", serve_process.port, timeout=60)) as connection:
        connection.request("POST", "/graphql", json.dumps({"query": query}), headers)
        assert "errors" not in json.loads(connection.getresponse().read())


def test_events_are_shown_in_order_without_the_person(serve_process: ServeProcess, request_id: str) -> None:
    ask_as_siti(serve_process, f'{{ me {{ consentRequest(id: "{request_id}") {{ id }} }} }}')
    ask_as_siti(serve_process, f'mutation {{ refuseConsent(request: "{request_id}") {{ returnTo }} }}')
    outcome = run_simpul(serve_process.state, "consents", "show", request_id, COLUMNS="40")
    assert outcome.returncode == 0
    rows = outcome.stdout.splitlines()[1:]
    assert [row.split()[1] for row in rows][:3] == ["asked", "opened", "refused"]
    assert "scopes: ['tax']" in rows[0]
    assert "3171" not in outcome.stdout


def test_a_call_to_a_partner_without_a_webhook_is_listed_as_given_up(
    serve_process: ServeProcess, request_id: str
) -> None:
    ask_as_siti(serve_process, f'{{ me {{ consentRequest(id: "{request_id}") {{ id }} }} }}')
    ask_as_siti(serve_process, f'mutation {{ refuseConsent(request: "{request_id}") {{ returnTo }} }}')

    def listed() -> bool:
        outcome = run_simpul(serve_process.state, "consents", "outbox", "sandbox/kredit-nusantara", COLUMNS="40")
        rows = [row for row in outcome.stdout.splitlines() if request_id in row]
        return bool(rows) and "given up" in rows[0] and "the contract names no webhook" in rows[0]

    block_until(listed, "the call is given up")
    assert request_id not in run_simpul(serve_process.state, "consents", "outbox", "sandbox/pantau-kota").stdout


def test_an_unknown_id_is_reported(serve_process: ServeProcess) -> None:
    outcome = run_simpul(serve_process.state, "consents", "show", "0" * 32)
    assert (outcome.returncode, outcome.stderr) == (
        1,
        "simpul: no request and no consent has that id\n",
    )


def test_the_printed_secret_is_the_signing_secret(serve_process: ServeProcess) -> None:
    hub_secret = StateFolder(serve_process.state).known_secret("ids")
    assert hub_secret is not None
    secret = b64decode(hub_secret)
    for version in (1, 2):
        outcome = run_simpul(serve_process.state, "consents", "secret", "development/bank", "--version", str(version))
        assert outcome.stdout == WebhookSignatures(secret).format_secret(build_client("bank"), version) + "\n"
    assert run_simpul(serve_process.state, "consents", "secret", "development/bank", "--version", "0").returncode != 0
