"""Fault proxies in a separate process, controlled over HTTP."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.sandbox_agencies import HOST, ROOT, RunningAgency, free_port

READY_WITHIN_S = 20


@pytest.fixture(scope="module")
def ports(crm: RunningAgency) -> Iterator[tuple[int, int]]:
    """The ports of the proxy and of its control API."""
    relay, control = free_port(), free_port()
    command = [sys.executable, "-m", "sandbox.fault_control", "--control-port", str(control)]
    process = subprocess.Popen([*command, "--relay", f"crm={relay}:{crm.port}"], cwd=ROOT)  # noqa: S603 - our own
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            socket.create_connection((HOST, control)).close()
            break
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
    try:
        yield relay, control
    finally:
        process.terminate()
        assert process.wait(READY_WITHIN_S) == 0


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection(HOST, port, timeout=5)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else text


def test_a_fault_begins_when_it_is_put_and_ends_when_it_is_deleted(ports: tuple[int, int]) -> None:
    relay, control = ports
    services = "/open311/v2/services.json"
    assert ask(relay, "GET", services)[0] == 200
    status, body = ask(control, "PUT", "/faults/crm", {"kind": "429", "seconds": 2})
    assert (status, body["kind"]) == (200, "429")
    assert ask(relay, "GET", services) == (429, b"no service")
    assert ask(control, "GET", "/faults")[1]["crm"]["struck"] == 1
    assert ask(control, "DELETE", "/faults/crm")[1]["kind"] is None
    assert ask(relay, "GET", services)[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/faults/pbb", {"kind": "reset"}, "'pbb' is unknown; agencies are crm."),
        ("/faults/crm", {"kind": "boredom"}, "kinds are latency, reset, half-open"),
        ("/faults/crm", {"kind": "reset", "chance": 0}, "chance 0: give a share"),
        ("/faults/crm", ["reset"], "a fault is {"),
        ("/faults/crm", {}, "a fault is {"),
    ],
)
def test_an_invalid_fault_is_refused_with_the_valid_kinds(
    path: str, body: object, message: str, ports: tuple[int, int]
) -> None:
    status, answer = ask(ports[1], "PUT", path, body)
    assert status == 400
    assert message in answer["error"]
