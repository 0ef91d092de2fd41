"""`simpul sandbox` shows and controls the city of another process."""

import http.client
import importlib
import json
import re
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.agency import TYPICAL_LATENCY_MS
from sandbox.control import Latency
from sandbox.databases.mariadb import installed_mariadb
from sandbox.stand_ins.sources import StandInSource, list_served
from settings.city.folder import DEFAULT_CITY
from tests.cli.command_line import END_TIMEOUT_S, SIMPUL, ServeProcess, run_simpul, temporary_state_folder
from tests.connectors.agencies.sample_cases import is_copied
from tests.fakes.waiting import block_until
from tests.sandbox.provider_browser import sign_in
from tests.sandbox_agencies import RunningAgency, free_port

SERVED = list_served(DEFAULT_CITY)
COPIED = [each for each in SERVED if is_copied(StandInSource(DEFAULT_CITY, each))]
"""The hub keeps copies of them, and calls them when one is due."""
AGENCIES = [*SERVED, "issuer"]


def split_rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()[1:]]


def test_without_a_command_it_lists_every_agency_with_state_ports_process_and_calls(
    serve_process: ServeProcess,
) -> None:
    outcome = run_simpul(serve_process.state, "sandbox")
    assert outcome.returncode == 0
    assert outcome.stdout.splitlines()[0].split() == ["agency", "state", "port", "control", "port", "pid", "calls"]
    listed = split_rows(outcome.stdout)
    assert [row[0] for row in listed] == AGENCIES
    assert {row[1] for row in listed} == {"running"}
    assert all(re.fullmatch(r"\d+", cell) for row in listed for cell in row[2:])


def test_an_agency_is_stopped_and_started_on_its_port_by_name(serve_process: ServeProcess) -> None:
    before = {row[0]: row[2:4] for row in split_rows(run_simpul(serve_process.state, "sandbox").stdout)}
    stopped = split_rows(run_simpul(serve_process.state, "sandbox", "stop", "pbb").stdout)
    assert stopped[2] == ["pbb", "stopped", *before["pbb"], "-", "-"]
    serve_process.wait_for("pbb is stopped.")
    started = split_rows(run_simpul(serve_process.state, "sandbox", "start", "pbb").stdout)
    assert started[2][:4] == ["pbb", "running", *before["pbb"]]
    serve_process.wait_for("pbb is running.")


def test_an_unknown_agency_is_refused_with_the_known_ones(serve_process: ServeProcess) -> None:
    outcome = run_simpul(serve_process.state, "sandbox", "stop", "pajak")
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"simpul: 'pajak' is not an agency of the sandbox city: choose one of {', '.join(AGENCIES)}\n"
    )


def test_calls_are_shown_by_operation_and_reset_to_zero(serve_process: ServeProcess) -> None:
    run_simpul(serve_process.state, "sandbox", "calls", "--reset")
    checked = run_simpul(serve_process.state, "agencies", "check")
    assert checked.returncode == 0, checked.stderr
    shown = split_rows(run_simpul(serve_process.state, "sandbox", "calls", "--reset").stdout)
    uncounted = [] if installed_mariadb() else ["jakpreneur"]  # a file of SQLite has no server that could count
    assert [row[0] for row in shown if row[-1] == "0"] == [*uncounted, *COPIED, "issuer"]
    assert {row[0] for row in shown} == set(AGENCIES)
    assert split_rows(run_simpul(serve_process.state, "sandbox", "calls").stdout) == [
        [agency, "-", "0"] for agency in AGENCIES
    ]


def test_latency_is_switched_on_and_off(serve_process: ServeProcess) -> None:
    on = run_simpul(serve_process.state, "sandbox", "latency", "on")
    assert "pbb: half of the answers within 600 ms, 95 % within 1500 ms" in on.stdout
    off = run_simpul(serve_process.state, "sandbox", "latency", "off")
    assert off.stdout.splitlines() == [
        f"{agency}: half of the answers within 0 ms, 95 % within 0 ms" for agency in AGENCIES
    ]


def test_the_typical_latency_is_the_one_the_agencies_start_with() -> None:
    for agency, (p50, p95) in TYPICAL_LATENCY_MS.items():
        module = importlib.import_module(f"sandbox.{agency}.server")
        own = [value for value in vars(module).values() if isinstance(value, Latency)]
        assert own == [Latency(p50, p95)]


def test_without_a_running_city_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "sandbox")
    assert outcome.returncode == 1
    assert outcome.stderr == f"simpul: no sandbox city runs on {tmp_path}: start it with `make serve`\n"


def test_after_the_city_ended_the_error_says_so(seeded_state: Path) -> None:
    outcome = run_simpul(seeded_state, "sandbox", "stop", "pbb")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("simpul: no sandbox city runs on ")


def test_without_a_state_folder_nothing_is_created() -> None:
    with temporary_state_folder() as state:
        run_simpul(state, "sandbox")
        assert not state.exists()


def find_provider(serve_process: ServeProcess) -> RunningAgency:
    """The city's OpenID provider, for tests that sign in at it."""
    row = split_rows(run_simpul(serve_process.state, "sandbox").stdout)[AGENCIES.index("issuer")]
    return RunningAgency(
        name="issuer",
        port=int(row[2]),
        control_port=int(row[3]),
        user="",
        secret="",
        state=serve_process.state / "issuer",
        latency=False,
    )


def ask_hub(port: int, token: str, body: object) -> tuple[int, Any]:
    """The status and the answer of the hub on the port."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/graphql", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_the_printed_settings_run_a_production_hub_in_front_of_the_city(
    serve_process: ServeProcess, tmp_path: Path
) -> None:
    port = free_port()
    file = tmp_path / "hub.env"
    file.write_text(run_simpul(serve_process.state, "sandbox", "settings", "--port", str(port)).stdout)
    checked = run_simpul(tmp_path, "settings", "check", "--settings", str(file), "--connect")
    assert checked.returncode == 0, checked.stdout
    with (tmp_path / "log").open("w") as log:
        hub = subprocess.Popen([*SIMPUL, "hub", "--settings", str(file), "--workers", "1"], cwd="/", stderr=log)  # noqa: S603 - our own program
    try:
        block_until(lambda: "The hub serves" in (tmp_path / "log").read_text() or hub.poll() is not None, "it serves")
        with pytest.raises(urllib.error.HTTPError) as refused:  # it is no hub of development
            urllib.request.urlopen(f"http://127.0.0.1:{port}/graphiql", timeout=60)
        refused.value.close()
        assert refused.value.code == http.client.NOT_FOUND
        me = {"query": "{ me { name } }"}
        siti = sign_in(find_provider(serve_process))["access_token"]
        assert ask_hub(port, siti, me) == (200, {"data": {"me": {"name": "Siti Rahmawati"}}})
        partner = run_simpul(serve_process.state, "token", "--client", "pantau-kota").stdout.strip()
        status, answer = ask_hub(port, partner, {"documentId": "LatestComplaints"})
        assert (status, len(answer["data"]["complaints"]["nodes"])) == (200, 5)
        status, answer = ask_hub(port, run_simpul(serve_process.state, "token", "siti").stdout.strip(), me)
        assert (status, answer["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    finally:
        hub.terminate()
        assert hub.wait(END_TIMEOUT_S) == 0
