"""`simpul access`: unusual reading and refusals, for the data-protection officer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder
from records.hub.clients import ClientId

if TYPE_CHECKING:
    from services.ledger.reading_review import ReadingReview, Viewer

T = TypeVar("T")

_MAX_LENGTH = 255
ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        help="Your name; or the issuer and `sub` of your token, separated by a space, to get the same readers' tokens"
        " as in the graph.",
    ),
]
CaseOption = Annotated[str, typer.Option("--case", help="The case you work on; readers' tokens are valid for it only.")]
ClientOption = Annotated[str | None, typer.Option(help="The application with which you sign in to the graph, if any.")]


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Unusual reading and refusals, for the data-protection officer.")
    group.command("unusual")(list_unusual_reading)
    group.command("refusals")(list_refusals)
    return group


def list_unusual_reading(
    *,
    by: ByOption,
    case: CaseOption,
    client: ClientOption = None,
    days: Annotated[int, typer.Option(min=1, max=92, help="How many days, today included.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """List hours and days in which a reader read far more people than usual. Your use is recorded.

    Usual is the median of the four weeks before: of the reader's own hours or days, and of all readers of the kind.
    Unusual is at least 20 people and more than five times one of these medians (the reader's own needs five values).
    """
    found = asyncio.run(
        _run_with_review(lambda review: review.list_unusual(_parse_viewer(by, case, client), days=days))
    )
    rows = [
        {
            "per": each.reading.unit.value,
            "began": each.reading.began.isoformat(timespec="minutes"),
            "kind": each.reading.kind,
            "agency": each.reading.agency,
            "client": each.reading.client,
            "people": each.reading.people,
            "usual_of_reader": each.reading.own_usual,
            "usual_of_kind": each.reading.kind_usual,
            "reader": each.reader,
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, nothing="No reader read an unusual number of people.")


def list_refusals(
    *,
    by: ByOption,
    case: CaseOption,
    client: ClientOption = None,
    hours: Annotated[int, typer.Option(min=1, max=24 * 92, help="How many hours back.")] = 24,
    as_json: JsonOption = False,
) -> None:
    """List refusals by hour, caller, field and reason, with counts. Your use is recorded."""
    found = asyncio.run(
        _run_with_review(lambda review: review.list_refusals(_parse_viewer(by, case, client), hours=hours))
    )
    rows = [
        {
            "hour": each.refusal.key.hour.isoformat(timespec="minutes"),
            "kind": each.refusal.key.kind,
            "field": each.refusal.key.field,
            "reason": each.refusal.key.reason,
            "times": each.refusal.times,
            "caller": each.caller,
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, nothing="No refusals.")


def _parse_viewer(by: str, case: str, client: str | None) -> Viewer:
    from services.ledger.reading_review import Viewer  # noqa: PLC0415 - the hub, which other commands need not wait for

    for name, value in (("--by", by), ("--case", case), ("--client", client or "-")):
        if not value.strip() or len(value) > _MAX_LENGTH or not value.isprintable():
            raise CommandError(f"{name} must have 1 to {_MAX_LENGTH} characters on one line")
    try:
        client_id = None if client is None else ClientId.parse(client)
    except ValueError as problem:
        raise CommandError(f"--client: {problem}") from None
    return Viewer(
        subject=by.strip() if " " in by.strip() else f"desk {by.strip()}", case=case.strip(), client=client_id
    )


async def _run_with_review(work: Callable[[ReadingReview], Awaitable[T]]) -> T:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from engine.errors import SafeError  # noqa: PLC0415 - same
    from wiring.command_services import open_reading_review  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    try:
        async with open_reading_review(settings) as review:
            return await work(review)
    except (CommandError, SafeError) as refusal:
        raise CommandError(str(refusal)) from None
    except Exception as problem:
        raise CommandError(
            f"the access ledger cannot be read ({type(problem).__name__}): is the hub's database up, and was the hub "
            "started on it?"
        ) from problem
