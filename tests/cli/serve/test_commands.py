"""`simpul serve` starts the city and the hub together, reports errors in one line, and leaves nothing behind."""

import http.client
import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cli.sandbox.sample_callers import build_sample_callers
from sandbox.state_folder import StateFolder
from tests.cli.command_line import (
    ServeProcess,
    find_descendants,
    is_alive,
    run_simpul,
    temporary_state_folder,
)
from tests.fakes.waiting import block_until
from tests.sandbox.provider_browser import SITI, ProviderBrowser
from tests.sandbox_agencies import RunningAgency, free_port

DEWI = SITI | {"person": "dewi"}
"""Other tests of this city grant nothing in her name."""


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post(port: int, body: dict[str, Any], headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/graphql", json.dumps(body), {"Content-Type": "application/json", **headers})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_the_greeting_shows_addresses_sample_people_and_loopback_only(
    serve_process: ServeProcess,
) -> None:
    at = f"http://127.0.0.1:{serve_process.port}"
    for line in (
        f"Home      {at}/",
        f"GraphiQL  {at}/graphiql",
        f"GraphQL   {at}/graphql",
        f"Health    {at}/health/ready",
        f"Consents  {at}/consents",
        f"Sign-in   http://127.0.0.1:{StateFolder(serve_process.state).known_port('issuer')} (OpenID provider",
        "for this machine only. Ctrl-C stops everything.",
        ".venv/bin/simpul token siti",
        f"curl -s {at}/graphql",
    ):
        assert line in serve_process.console
    assert get(serve_process.port, "/health/live")[0] == 200


def test_without_a_terminal_the_progress_of_the_start_is_shown_in_lines(
    serve_process: ServeProcess,
) -> None:
    first, *others = serve_process.console[: serve_process.console.index("Simpul is ready")].splitlines()
    assert first == "Starting the sandbox city ..."
    assert any(line.startswith("Starting the sandbox city (waiting for ") for line in others)
    assert [line for line in others if line == "Starting the hub ..."] == ["Starting the hub ..."]


def test_the_first_query_of_the_greeting_is_answered_by_all_five_agencies(serve_process: ServeProcess) -> None:
    shown = re.search(r"-d '(.*)'$", serve_process.console, re.MULTILINE)
    assert shown is not None
    token = run_simpul(serve_process.state, "token", "siti").stdout.strip()
    answer = post(serve_process.port, json.loads(shown[1]), {"Authorization": f"Bearer {token}"})
    assert "errors" not in answer
    me = answer["data"]["me"]
    assert me["name"] == "Siti Rahmawati"
    assert (len(me["taxObjects"]), len(me["msmes"]), len(me["complaints"])) == (2, 1, 3)
    assert len(answer["data"]["markets"]) == 1


def test_people_sign_in_to_the_hubs_own_pages_at_the_citys_provider(serve_process: ServeProcess) -> None:
    own = f"http://127.0.0.1:{serve_process.port}"
    cookies: dict[str, str] = {}

    def go(path: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", serve_process.port, timeout=60)
        connection.request("GET", path, headers={"Cookie": "; ".join(f"{name}={cookies[name]}" for name in cookies)})
        answer = connection.getresponse()
        for each in answer.headers.get_all("Set-Cookie", []):
            name, _, value = each.partition(";")[0].partition("=")
            cookies[name] = value
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("Location", ""), text

    _, address, _ = go("/consents?lang=en")
    target = urlsplit(address)
    assert (target.port, target.path) == (StateFolder(serve_process.state).known_port("issuer"), "/authorize")
    provider = RunningAgency(
        name="issuer",
        port=target.port or 0,
        control_port=0,
        user="",
        secret="",
        state=serve_process.state,
        latency=False,
    )
    browser = ProviderBrowser(provider)
    signed_in = browser.submit(browser.get("/authorize", dict(parse_qsl(target.query))), DEWI)
    status, address, _ = go(signed_in.headers["location"].removeprefix(own))
    assert (status, address) == (303, "/consents?lang=en")
    status, _, text = go(address)
    assert status == 200
    assert "<h1>My consents</h1>" in text


def test_graphiql_offers_the_sample_people_with_tokens(serve_process: ServeProcess) -> None:
    status, body = get(serve_process.port, "/graphiql/people.json")
    assert status == 200
    assert [person["name"] for person in json.loads(body)] == [*build_sample_callers(), "pantau-kota"]


def post_until_loaded(port: int, body: dict[str, Any], headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """The answer once the hub has loaded the copies of agencies, which it does while it serves already."""
    answers = [post(port, body, headers)]

    def is_whole() -> bool:
        if "errors" in answers[-1]:
            answers.append(post(port, body, headers))
        return "errors" not in answers[-1]

    block_until(is_whole, "the operation is answered without an error")
    return answers[-1]


def test_every_example_of_graphiql_runs_as_its_person_without_an_error(serve_process: ServeProcess) -> None:
    people = {each["name"]: each for each in json.loads(get(serve_process.port, "/graphiql/people.json")[1])}
    examples = json.loads(get(serve_process.port, "/graphiql/examples.json")[1])
    assert len(examples) == 14
    for each in examples:
        person = people.get(each["person"], {"token": None, "is_registered_client": False})
        variables = json.loads(each["variables"] or "{}")
        name = re.search(r"^(?:query|mutation) (\w+)", each["query"], re.MULTILINE)
        assert name is not None
        operation = {"documentId": name[1]} if person["is_registered_client"] else {"query": each["query"]}
        authorization = {} if person["token"] is None else {"Authorization": f"Bearer {person['token']}"}
        answer = post_until_loaded(serve_process.port, {**operation, "variables": variables}, authorization)
        assert "errors" not in answer, (each["name"], answer)
        assert answer["data"], each["name"]


def test_sigterm_leaves_no_process_and_a_later_start_keeps_the_day_of_the_city(seeded_state: Path) -> None:
    serve = ServeProcess(seeded_state, variables={"SANDBOX_TODAY": ""})
    serve.wait_until_ready()
    assert serve.stop(signal.SIGTERM) == 0
    assert serve.find_left_behind() == set()
    assert json.loads((seeded_state / "city.json").read_text()) == {"today": "2026-11-01"}


def test_two_stop_signals_end_it_without_a_traceback(seeded_state: Path) -> None:
    serve = ServeProcess(seeded_state)
    serve.wait_until_ready()
    serve.process.send_signal(signal.SIGTERM)
    assert serve.stop(signal.SIGINT) == 0
    assert serve.find_left_behind() == set()
    assert "Traceback" not in serve.console


def test_after_sigkill_no_process_is_left_and_the_next_start_works_and_ctrl_c_leaves_no_process(
    seeded_state: Path,
) -> None:
    serve = ServeProcess(seeded_state, anew=True)
    serve.wait_until_ready()
    assert len(serve.seen) >= 7  # five agencies, the OpenID provider and the hub's database server
    assert serve.stop(signal.SIGKILL) == -signal.SIGKILL
    block_until(lambda: serve.find_left_behind() == set(), "every child gone")
    again = ServeProcess(seeded_state)
    again.wait_until_ready()
    assert get(again.port, "/health/live")[0] == 200
    assert again.stop(signal.SIGINT) == 0
    assert again.find_left_behind() == set()
    assert again.console.rstrip().endswith("Stopped.")


def test_ctrl_c_while_starting_leaves_no_process(seeded_state: Path) -> None:
    serve = ServeProcess(seeded_state, anew=True)
    block_until(
        lambda: len(find_descendants(serve.process.pid)) >= 3 or serve.process.poll() is not None, "agencies starting"
    )
    assert serve.stop(signal.SIGINT) == 130
    assert serve.find_left_behind() == set()
    assert "Traceback" not in serve.console


def test_a_taken_port_is_one_line_and_nothing_is_started() -> None:
    with temporary_state_folder() as state, socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        outcome = run_simpul(state, "serve", PORT=str(port))
        assert outcome.returncode == 1
        assert outcome.stderr == (
            f"simpul: port {port} is taken by another program: choose another one with PORT={port + 1}\n"
        )
        assert not state.exists()


def test_an_invalid_day_is_refused_in_one_line(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "serve", "--today", "24 December")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr == (
        "simpul: --today (SANDBOX_TODAY): '24 December' is not a day from 2000 to 2099, such as 2026-11-01\n"
    )


@pytest.mark.parametrize("port", ["0", "70000", "eight"])
def test_an_invalid_port_is_refused_in_one_line(port: str) -> None:
    with temporary_state_folder() as state:
        outcome = run_simpul(state, "serve", PORT=port)
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"simpul: PORT={port} is not a port: choose a number from 1 to 65535, such as PORT=8000\n"
    )


def test_a_second_serve_on_the_same_state_says_so_in_one_line(serve_process: ServeProcess) -> None:
    outcome = run_simpul(serve_process.state, "serve", "--port", str(free_port()))
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"simpul: Simpul already runs on {serve_process.state} (process {serve_process.process.pid}): "
        "stop it with Ctrl-C there, or set SIMPUL_STATE to another folder.\n"
    )


def test_a_second_serve_on_the_same_port_and_state_names_the_first_rather_than_the_port(
    serve_process: ServeProcess,
) -> None:
    outcome = run_simpul(serve_process.state, "serve", "--port", str(serve_process.port))
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(
        f"simpul: Simpul already runs on {serve_process.state} (process {serve_process.process.pid})"
    )


def test_an_agency_that_cannot_start_stops_everything_with_one_line_that_names_it() -> None:
    with temporary_state_folder() as state:
        broken = state / "agencies" / "dukcapil"
        broken.mkdir(parents=True)
        (broken / "postgres").write_text("not a folder")
        outcome = run_simpul(state, "serve", "--port", str(free_port()))
        assert outcome.returncode == 1
        assert re.fullmatch(r"simpul: dukcapil did not start: [^\n]+\n", outcome.stderr), outcome.stderr


def test_a_hub_without_its_database_stops_the_city_with_one_line(seeded_state: Path) -> None:
    url = f"postgresql://simpul:rahasia@127.0.0.1:{free_port()}/simpul"
    outcome = run_simpul(seeded_state, "serve", "--port", str(free_port()), SIMPUL_STATE_URL=url)
    assert outcome.returncode == 1
    assert re.fullmatch(r"simpul: the hub could not start: [^\n]*refused[^\n]*\n", outcome.stderr), outcome.stderr
    assert "rahasia" not in outcome.stderr
    assert run_simpul(seeded_state, "sandbox").returncode == 1


def test_without_the_sandbox_the_missing_settings_are_named() -> None:
    with temporary_state_folder() as state:
        outcome = run_simpul(state, "serve", "--no-sandbox", "--port", str(free_port()))
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("simpul: the hub's settings are not complete: SIMPUL_CITY: ")
    assert "/cities/jakarta/agencies/pbb.toml:11: wire.user: SIMPUL_PBB_USER is not set; " in outcome.stderr
    assert outcome.stderr.endswith("; not set: SIMPUL_SECRET\n")


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = run_simpul(tmp_path / "file" / "state", "serve", "--port", str(free_port()))
    assert outcome.returncode == 1
    assert outcome.stderr == f"simpul: the state folder {tmp_path}/file/state cannot be made: Not a directory\n"


def test_an_agency_that_dies_is_reported_and_the_hub_stays_up(serve_process: ServeProcess) -> None:
    listed = run_simpul(serve_process.state, "sandbox").stdout
    found = re.search(r"^crm .* (\d+) +\d+ *$", listed, re.MULTILINE)
    assert found is not None, listed
    pid = int(found[1])
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    serve_process.wait_for("crm ended (signal 9")
    serve_process.wait_for("its data is missing from answers until .venv/bin/simpul sandbox start crm")
    assert get(serve_process.port, "/health/live")[0] == 200
    assert run_simpul(serve_process.state, "sandbox", "start", "crm").returncode == 0
