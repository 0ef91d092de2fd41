"""`simpul data-requests`: requests of people about their own data, the city's answers, and the deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows, to_printable
from cli.project_paths import find_state_folder
from records.hub.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestRefusal,
    DataRequestState,
    WaitingDataRequests,
)

if TYPE_CHECKING:
    from services.rights.data_request_service import DataRequestService

T = TypeVar("T")

MAX_NAME_LENGTH = 100
MAX_LISTED = 200

ByOption = Annotated[str, typer.Option("--by", help="Your name; the person sees it.")]
NumberArgument = Annotated[str, typer.Argument(help="The request's number, such as HAK-2026-7K3QX9RD.")]


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Requests of people about their own data.")
    group.command("list")(list_requests)
    group.command("show")(show_request)
    group.command("answer")(answer_request)
    return group


def list_requests(
    *,
    state: Annotated[
        str, typer.Option(help="received, in-progress, done, refused, withdrawn; default: all open.")
    ] = "",
    agency: Annotated[str | None, typer.Option(help="Only requests for this agency.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only requests past their deadline.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List requests, earliest deadline first, without the person and their text."""
    states = [_parse_state(state)] if state else [each for each in DataRequestState if each.is_open]
    wanted = WaitingDataRequests(first=MAX_LISTED, states=tuple(states), agency=agency, overdue=overdue)
    rows = [
        {
            "number": each.number,
            "kind": each.kind.name,
            "state": each.state.name,
            "agency": each.agency or "(all)",
            "due": each.due_at,
            "left": _format_time_left(each),
        }
        for each in asyncio.run(_run_with_service(lambda desk: desk.list_open(wanted)))
    ]
    print_rows(rows, as_json=as_json, nothing="There are no such requests.")


def show_request(number: NumberArgument, *, by: ByOption) -> None:
    """Show one request with the person and their text. Your use appears in the person's access log."""
    name = _check_name(by)
    request = _require_known(number, asyncio.run(_run_with_service(lambda desk: desk.show(number, officer=name))))
    lines = [
        f"{request.number}  {request.kind.name}  {request.state.name}",
        f"person    {request.subject}",
        f"agency    {request.agency or '(all)'}",
        f"field     {request.field or '-'}",
        f"purposes  {', '.join(each.name for each in request.purposes) or '-'}",
        f"says      {request.says or '-'}",
        f"wanted    {request.wanted or '-'}",
        f"received  {request.received_at.isoformat(timespec='minutes')}",
        f"due       {request.due_at.isoformat(timespec='minutes')}  {_format_time_left(request)}",
    ]
    for event in request.events:
        why = f" ({event.refusal.name})" if event.refusal else ""
        by_whom = "the person" if event.by == "You" else event.by
        lines.append(f"  {event.at.isoformat(timespec='minutes')}  {event.state.name}{why}  by {by_whom}")
        if event.text:
            lines.append(f"    {event.text}")
    for line in lines:
        typer.echo(to_printable(line))


def answer_request(
    number: NumberArgument,
    state: Annotated[str, typer.Argument(help="in-progress, done or refused.")],
    *,
    by: ByOption,
    reason: Annotated[str | None, typer.Option(help="Reason of the refusal: one of those in the law.")] = None,
    text: Annotated[str | None, typer.Option(help="Message to the person.")] = None,
) -> None:
    """Record a step of the city on a request. The person sees it immediately, with your name."""
    step = DataRequestAnswer(
        number=number, state=_parse_state(state), by=_check_name(by), refusal=_parse_refusal(reason), text=text
    )
    if step.fault is not None:
        raise CommandError(f"the answer cannot be given: {step.fault}")
    updated = asyncio.run(_run_with_service(lambda desk: desk.answer(step)))
    typer.echo(f"{updated.number} is {step.state.name}.")


async def _run_with_service(work: Callable[[DataRequestService], Awaitable[T]]) -> T:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from engine.errors import SafeError  # noqa: PLC0415 - same
    from wiring.command_services import open_data_request_service  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    try:
        async with open_data_request_service(settings) as service:
            return await work(service)
    except SafeError as refusal:
        raise CommandError(str(refusal)) from None
    except Exception as problem:
        raise CommandError(
            f"requests cannot be read or changed ({type(problem).__name__}): is the hub's database up, and was the hub "
            "started on it?"
        ) from problem


def _require_known(number: str, request: DataRequest | None) -> DataRequest:
    if request is None:
        raise CommandError(f"there is no request {number!r}: `simpul data-requests list` shows the open ones")
    return request


def _parse_state(text: str) -> DataRequestState:
    try:
        return DataRequestState[text.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(each.name.lower().replace("_", "-") for each in DataRequestState)
        raise CommandError(f"{text!r} is not a state: choose {known}") from None


def _parse_refusal(text: str | None) -> DataRequestRefusal | None:
    try:
        return None if text is None else DataRequestRefusal[text.upper().replace("-", "_")]
    except KeyError:
        raise CommandError(f"{text!r} is not a reason in the law: choose one of {_format_reasons()}") from None


def _format_reasons() -> str:
    return ", ".join(each.name for each in DataRequestRefusal)


def _check_name(by: str) -> str:
    if not by.strip() or len(by) > MAX_NAME_LENGTH or not by.isprintable():
        raise CommandError(f"--by must be your name, 1 to {MAX_NAME_LENGTH} characters")
    return by.strip()


def _format_time_left(request: DataRequest) -> str:
    if request.closed_at is not None:
        return "late" if request.is_overdue else "in time"
    hours = (request.due_at - request.read_at).total_seconds() / 3600
    return f"{hours:.0f} h" if hours >= 0 else f"OVERDUE {-hours:.0f} h"
