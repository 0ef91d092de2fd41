"""`simpul commands`: a person sees what is not done, and decides about what is parked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from cli.sandbox.hub_environment import build_state_url
from records.command_state import CommandState
from sandbox.state_folder import StateFolder
from store.commands.command_outbox import CommandOutbox, CommandResult
from store.database import create_database_engine
from tests.cli.command_line import ServeProcess, run_simpul
from tests.store.commands.sample_commands import BLIND, KINDS, build_command

BY = ("--by", "Rina", "--reason", "asked the agency")


@pytest.fixture
def number(serve_process: ServeProcess, request: pytest.FixtureRequest) -> Iterator[str]:
    """A parked command to an agency that the running hub does not know."""
    number = f"TT-{abs(hash(request.node.name)) % 10**10:010}"

    async def park() -> None:
        engine = create_database_engine(build_state_url(StateFolder(serve_process.state)))
        try:
            outbox = CommandOutbox(engine, timeout=30)
            await outbox.accept(build_command(number, BLIND, subject=number.encode().ljust(32, b".")))
            await outbox.claim("strict", KINDS, limit=9, lease=timedelta())
            await outbox.release_expired("strict", settle=timedelta())
        finally:
            await engine.dispose()

    asyncio.run(park())
    yield number
    asyncio.run(end(serve_process, number))


async def end(serve_process: ServeProcess, number: str) -> None:
    engine = create_database_engine(build_state_url(StateFolder(serve_process.state)))
    try:
        outbox = CommandOutbox(engine, timeout=30)
        found = await outbox.find(number)
        if found is not None and found.state is CommandState.PARKED:
            await outbox.decide(number, CommandResult(state=CommandState.DONE), by="tests", reason="over")
    finally:
        await engine.dispose()


def test_a_parked_command_is_listed_and_shown_without_personal_data(serve_process: ServeProcess, number: str) -> None:
    listed = run_simpul(serve_process.state, "commands", "list", "--state", "parked", "--json")
    (row,) = [each for each in json.loads(listed.stdout) if each["number"] == number]
    assert (row["kind"], row["agency"], row["state"], row["attempts"], row["failure"], row["waits for"]) == (
        "submitComplaint",
        "strict",
        "parked",
        1,
        "HUB_STOPPED",
        "-",
    )
    assert number not in run_simpul(serve_process.state, "commands", "list", "--agency", "crm").stdout
    shown = run_simpul(serve_process.state, "commands", "show", number)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "lookup    none" in shown.stdout
    assert shown.stdout.count("by the hub") == 2
    assert "sealed" not in shown.stdout


def test_a_person_ends_a_parked_command_and_the_steps_keep_name_and_reason(
    serve_process: ServeProcess, number: str
) -> None:
    done = run_simpul(serve_process.state, "commands", "resolve", number, "done", "--agency-id", "17", *BY)
    assert done.stdout == f"{number} is done.\n"
    shown = run_simpul(serve_process.state, "commands", "show", number).stdout
    assert "id there  17" in shown
    assert "done  by Rina\n    asked the agency" in shown
    again = run_simpul(serve_process.state, "commands", "resolve", number, "rejected", *BY)
    assert (again.returncode, again.stderr) == (
        1,
        "simpul: the command is done: `simpul commands show` tells what a person can decide\n",
    )


def test_a_person_sends_a_parked_command_again_and_parks_it(serve_process: ServeProcess, number: str) -> None:
    assert run_simpul(serve_process.state, "commands", "retry", number, *BY).stdout == f"{number} is retry-wait.\n"
    assert run_simpul(serve_process.state, "commands", "park", number, *BY).stdout == f"{number} is parked.\n"


def test_after_a_restore_open_commands_are_uncertain(serve_process: ServeProcess, number: str) -> None:
    run_simpul(serve_process.state, "commands", "retry", number, *BY)
    assert run_simpul(serve_process.state, "commands", "restored", "--by", "Rina").stdout.endswith(
        "open commands are uncertain now.\n"
    )
    assert "RESTORED" in run_simpul(serve_process.state, "commands", "show", number).stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("show", "TT-0"), "there is no command 'TT-0': `simpul commands list` shows the open ones"),
        (("retry", "TT-0", *BY), "there is no command 'TT-0': `simpul commands list` shows the open ones"),
        (("list", "--state", "lost"), "'lost' is not a state: choose accepted, sending, retry-wait, unknown, "),
        (("resolve", "TT-0", "parked", *BY), "'parked' ends no command: write done or rejected"),
        (
            ("resolve", "TT-0", "rejected", "--agency-id", "1", *BY),
            "a rejected command made nothing: remove --agency-id",
        ),
        (("park", "TT-0", "--by", " ", "--reason", "x"), "--by must hold 1 to 200 printable characters"),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, tuple) else "",
)
def test_wrong_input_is_named_with_the_fix(
    serve_process: ServeProcess, arguments: tuple[str, ...], problem: str
) -> None:
    outcome = run_simpul(serve_process.state, "commands", *arguments)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"simpul: {problem}")
