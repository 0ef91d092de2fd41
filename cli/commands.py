"""`simpul commands`: writes to agencies that are not done, and what a person decides about them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows, to_printable
from cli.project_paths import find_state_folder
from records.command_state import CommandState

if TYPE_CHECKING:
    from services.commands.operator_commands import OperatorCommands
    from store.commands.command_rows import StoredCommand

T = TypeVar("T")

MAX_TEXT_LENGTH = 200
MAX_LISTED = 500

ByOption = Annotated[str, typer.Option("--by", help="Your name; the command's steps keep it.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; the command's steps keep it. Nothing personal.")]
NumberArgument = Annotated[str, typer.Argument(help="The command's number, such as TT-26-7K3QX9RDAB.")]


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Writes to agencies, such as submitted complaints.")
    group.command("list")(list_commands)
    group.command("show")(show_command)
    group.command("retry")(retry_command)
    group.command("park")(park_command)
    group.command("resolve")(resolve_command)
    group.command("restored")(doubt_commands)
    return group


def list_commands(
    *,
    state: Annotated[str, typer.Option(help="Only this state, such as parked; default: all open.")] = "",
    agency: Annotated[str | None, typer.Option(help="Only commands to this agency.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List open commands, those that are due first, without personal data."""
    states = [_parse_state(state)] if state else []
    found = asyncio.run(
        _run_with_commands(lambda desk: desk.outbox.list_open(states=states, agency=agency, limit=MAX_LISTED))
    )
    rows = [
        {
            "number": each.number,
            "kind": each.kind.name,
            "agency": each.kind.agency,
            "state": each.state.value,
            "accepted": each.accepted_at,
            "attempts": each.attempts,
            "failure": each.failure or "-",
            "waits for": each.waits_for or "-",
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, nothing="There are no such commands.")


def show_command(number: NumberArgument) -> None:
    """Show one command with its steps, without the person and their text."""
    command = _require_known(number, asyncio.run(_run_with_commands(lambda desk: desk.outbox.find(number))))
    lines = [
        f"{command.number}  {command.kind.name}  {command.state.value}",
        f"agency    {command.kind.agency}",
        f"case      {command.case}, number {command.sequence} of it",
        f"lookup    {command.kind.lookup.value}",
        f"accepted  {command.accepted_at.isoformat(timespec='seconds')}",
        f"sent      {_format_sent(command)}",
        f"failure   {command.failure or '-'}",
        f"id there  {command.agency_id or '-'}",
        f"waits for {command.waits_for or '-'}",
    ]
    for step in command.steps:
        lines.append(f"  {step.at.isoformat(timespec='seconds')}  {step.state.value}  by {step.by or 'the hub'}")
        if step.detail:
            lines.append(f"    {step.detail}")
    for line in lines:
        typer.echo(to_printable(line))


def retry_command(number: NumberArgument, *, by: ByOption, reason: ReasonOption) -> None:
    """Send a parked command again. Only if the agency certainly does not have it: otherwise it is carried out twice."""
    _decide(number, CommandState.RETRY_WAIT, by=by, reason=reason)


def park_command(number: NumberArgument, *, by: ByOption, reason: ReasonOption) -> None:
    """Stop a command that is not being sent. Later commands of its case wait, too."""
    name, why = _check_text("--by", by), _check_text("--reason", reason)
    parked = asyncio.run(_run_with_commands(lambda desk: desk.outbox.park(number, by=name, reason=why)))
    typer.echo(f"{_require_known(number, parked).number} is parked.")


def resolve_command(
    number: NumberArgument,
    outcome: Annotated[str, typer.Argument(help="done or rejected.")],
    *,
    by: ByOption,
    reason: ReasonOption,
    agency_id: Annotated[
        str | None, typer.Option(help="The agency's identifier of what the command made, if it is done.")
    ] = None,
) -> None:
    """End a parked command as a person found it at the agency. The reporter sees the outcome."""
    state = _parse_state(outcome)
    if state.is_open:
        raise CommandError(f"{outcome!r} ends no command: write done or rejected")
    if agency_id is not None and state is CommandState.REJECTED:
        raise CommandError("a rejected command made nothing: remove --agency-id")
    _decide(number, state, by=by, reason=reason, agency_id=agency_id)


def doubt_commands(*, by: ByOption) -> None:
    """After a restore from a backup: look up every open command before it is sent, and park those that cannot be."""
    name = _check_text("--by", by)
    count = asyncio.run(_run_with_commands(lambda desk: desk.doubt_open(by=name)))
    typer.echo(f"{count} open commands are uncertain now.")


def _decide(number: str, state: CommandState, *, by: str, reason: str, agency_id: str | None = None) -> None:
    from store.commands.command_outbox import CommandResult  # noqa: PLC0415 - other commands need not wait for it

    name, why = _check_text("--by", by), _check_text("--reason", reason)
    result = CommandResult(state=state, agency_id=None if agency_id is None else _check_text("--agency-id", agency_id))
    decided = asyncio.run(_run_with_commands(lambda desk: desk.decide(number, result, by=name, reason=why)))
    typer.echo(f"{_require_known(number, decided).number} is {state.value}.")


async def _run_with_commands(work: Callable[[OperatorCommands], Awaitable[T]]) -> T:
    from auth.crypto.sealed_people import InvalidPersonSeal  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same
    from store.commands.command_outbox import CommandNotWaiting  # noqa: PLC0415 - same
    from wiring.command_services import open_operator_commands  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    try:
        async with open_operator_commands(settings) as desk:
            return await work(desk)
    except InvalidPersonSeal:
        raise CommandError(
            "the reporter was sealed with another secret: add it to SIMPUL_FORMER_SECRETS, or leave --agency-id out"
        ) from None
    except CommandNotWaiting as refusal:
        raise CommandError(f"the command is {refusal}: `simpul commands show` tells what a person can decide") from None
    except Exception as problem:
        raise CommandError(
            f"commands cannot be read or changed ({type(problem).__name__}): is the hub's database up, and was the hub "
            "started on it?"
        ) from problem


def _require_known(number: str, command: StoredCommand | None) -> StoredCommand:
    if command is None:
        raise CommandError(f"there is no command {number!r}: `simpul commands list` shows the open ones")
    return command


def _parse_state(text: str) -> CommandState:
    states = {each.value: each for each in CommandState}
    found = states.get(text.lower())
    if found is None:
        raise CommandError(f"{text!r} is not a state: choose {', '.join(states)}")
    return found


def _check_text(option: str, text: str) -> str:
    if not text.strip() or len(text) > MAX_TEXT_LENGTH or not text.isprintable():
        raise CommandError(f"{option} must hold 1 to {MAX_TEXT_LENGTH} printable characters")
    return text.strip()


def _format_sent(command: StoredCommand) -> str:
    if command.sent_at is None:
        return "never"
    return f"{command.sent_at.isoformat(timespec='seconds')}, attempt {command.attempts}"
