"""`simpul breach`: a failure to protect personal data, its 72-hour deadline, the affected people and the letters."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder
from records.clocks import CITY_TIME_ZONE
from records.plurals import count_noun

if TYPE_CHECKING:  # the hub, which other commands need not wait for
    from cli.breach.report import BreachReport
    from records.hub.breaches import Breach
    from store.ledger.breaches import Breaches

T = TypeVar("T")

_Name = Annotated[str, typer.Argument(help="The breach, as `simpul breach list` names it.")]
_By = Annotated[str | None, typer.Option("--by", help="Your name; default: the user of this machine.")]
_From = Annotated[str, typer.Option("--from", help="Only reads from this time on, such as 2026-11-24T08:00 (WIB).")]
_Until = Annotated[str | None, typer.Option("--until", help="Only reads up to this time; default: now.")]
_Reader = Annotated[
    str | None,
    typer.Option(help="Only by this reader: the issuer's name, a space, the token's `sub`. Needs --kind."),
]


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Failures to protect personal data (UU PDP, article 46).")
    group.command("open")(open_breach)
    group.command("list")(list_breaches)
    group.command("report")(report_breach)
    group.command("close")(close_breach)
    return group


def open_breach(  # noqa: PLR0913 - the options of the command, as Typer reads them
    what: Annotated[str, typer.Argument(help="What happened, in a sentence; the letters quote it.")],
    start: _From,
    *,
    until: _Until = None,
    known_since: Annotated[str | None, typer.Option(help="Time at which it became known; default: now.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only by this kind of caller: official, partner, ...")] = None,
    reader: _Reader = None,
    agency: Annotated[str | None, typer.Option(help="Only by readers of this agency.")] = None,
    client: Annotated[str | None, typer.Option(help="Only by this application: issuer/client_id.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Only for this purpose.")] = None,
    case: Annotated[str | None, typer.Option(help="Only for this case.")] = None,
    operation: Annotated[str | None, typer.Option(help="Only by an operation of this name.")] = None,
    request_id: Annotated[str | None, typer.Option(help="Only by this request.")] = None,
    by: _By = None,
) -> None:
    """Record a breach. Its 72-hour deadline begins, and its ledger entries are not purged until it is closed."""
    from records.hub.ledger_entries import AccessSearch  # noqa: PLC0415 - the hub, which other commands need not wait for

    now = datetime.now(UTC)
    begins, ends = _parse_moment(start, "--from"), now if until is None else _parse_moment(until, "--until")
    since = now if known_since is None else _parse_moment(known_since, "--known-since")
    if begins > ends:
        raise CommandError("--from is after --until: give an earlier --from")
    if since > now:
        raise CommandError("--known-since is in the future: give the time at which it became known")

    async def record(breaches: Breaches, secret: bytes) -> Breach:
        search = AccessSearch(
            start=begins,
            end=ends,
            caller_kind=None if kind is None else _parse_kind(kind),
            caller=None if reader is None else _to_pseudonym(kind, reader, secret),
            agency=agency,
            client=client,
            purpose=purpose,
            case=case,
            operation=operation,
            request_id=request_id,
        )
        return await breaches.open(what, search, known_since=since, by=by or getpass.getuser())

    breach = asyncio.run(_run_with_breaches(record))
    typer.echo(
        f"{breach.name} is open. All affected people must be notified by {_format_moment(breach.due)}: "
        f"{_format_time_left(breach, now)}."
    )


def list_breaches(*, as_json: JsonOption = False) -> None:
    """List all breaches with their deadlines."""

    async def load(breaches: Breaches, _secret: bytes) -> Sequence[Breach]:
        return await breaches.list_all()

    now = datetime.now(UTC)
    rows = [
        {
            "breach": each.name,
            "clock": _format_time_left(each, now),
            "due": each.due.astimezone(CITY_TIME_ZONE),
            "known_since": each.known_since.astimezone(CITY_TIME_ZONE),
            "by": each.opened_by,
            "what": each.what,
        }
        for each in asyncio.run(_run_with_breaches(load))
    ]
    print_rows(rows, as_json=as_json, nothing="There are no breaches.")


def report_breach(  # noqa: PLR0913 - same
    name: _Name,
    into: Annotated[Path, typer.Option("--into", help="Folder to create; only its owner can read it.")],
    *,
    residents: Annotated[
        Path | None,
        typer.Option(help="The city's list of residents, a NIK at the start of each line. Puts NIKs in the report."),
    ] = None,
    controller: Annotated[str | None, typer.Option(help="The data controller, as the letters name it.")] = None,
    contact: Annotated[str | None, typer.Option(help="Contact for questions from affected people.")] = None,
    how: Annotated[str | None, typer.Option(help="How the data was disclosed, in Indonesian.")] = None,
    how_en: Annotated[str | None, typer.Option(help="The same in English.")] = None,
    measures: Annotated[str | None, typer.Option(help="What is done about it, in Indonesian.")] = None,
    measures_en: Annotated[str | None, typer.Option(help="The same in English.")] = None,
    what_en: Annotated[str | None, typer.Option(help="What happened, in English.")] = None,
) -> None:
    """Find the people that a breach affects; write their list and both letters."""
    from cli.breach.letters import LetterDetails  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.breach.report import BreachReportRequest, write_report  # noqa: PLC0415 - same

    now = datetime.now(UTC)
    details = LetterDetails(
        controller=controller,
        contact=contact,
        how=how,
        how_en=how_en,
        measures=measures,
        measures_en=measures_en,
        what_en=what_en,
    )

    async def write(breaches: Breaches, secret: bytes) -> tuple[Breach, BreachReport]:
        breach = await breaches.get(name)
        wanted = BreachReportRequest(details=details, folder=into, residents=residents)
        return breach, await write_report(breaches, breach, wanted, secret=secret, now=now)

    breach, found = asyncio.run(_run_with_breaches(write))
    extent = found.extent
    typer.echo(f"{breach.name}: {_format_time_left(breach, now)}, until {_format_moment(breach.due)}.")
    affected = "1 person is" if extent.people == 1 else f"{extent.people} people are"
    reads, named = count_noun(extent.reads, "read"), count_noun(found.people_named, "name")
    typer.echo(f"{affected} affected, by {reads}; the list has {named}.")
    if extent.unattributed_reads:
        typer.echo(f"{count_noun(extent.unattributed_reads, 'more read')} of unidentified people.")
    if extent.people_not_yet_notifiable:
        typer.echo(
            f"{extent.people_not_yet_notifiable} may not be notified yet (`may_be_told_from`): "
            "ask the data-protection officer first."
        )
    if found.placeholders:
        placeholders = count_noun(found.placeholders, "placeholder")
        typer.echo(f"The letters have {placeholders}, marked '[ISI: ...]' or '[FILL IN: ...]'.")
    typer.echo(f"Written to {into}: affected.csv, breach-people.md, breach-authority.md, summary.json.")


def close_breach(name: _Name, *, by: _By = None) -> None:
    """Close a breach after all affected people were notified. Its entries are purged when their retention ends."""

    async def end(breaches: Breaches, _secret: bytes) -> Breach:
        return await breaches.close(name, by=by or getpass.getuser())

    typer.echo(f"{asyncio.run(_run_with_breaches(end)).name} is closed.")


def _parse_moment(text: str, option: str) -> datetime:
    """Parse a time; without an offset, it is the city's time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{option} {text!r} is not a time: write it as 2026-11-24T08:00 or 2026-11-24T08:00+07:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=CITY_TIME_ZONE)


def _parse_kind(kind: str) -> str:
    from auth.caller import CallerKind  # noqa: PLC0415 - the hub, which other commands need not wait for

    kinds = [each.value for each in CallerKind]
    if kind not in kinds:
        raise CommandError(f"--kind {kind!r} is not a kind of caller: choose one of {', '.join(kinds)}")
    return kind


def _to_pseudonym(kind: str | None, reader: str, secret: bytes) -> bytes:
    from auth.caller import CallerKind  # noqa: PLC0415 - the hub, which other commands need not wait for
    from auth.crypto.pseudonyms import Pseudonyms  # noqa: PLC0415 - same

    if kind is None or kind == CallerKind.CITIZEN.value:
        raise CommandError("--reader needs the reader's --kind; citizens cannot be named on a command line")
    return Pseudonyms(secret).pseudonymize_name(CallerKind(_parse_kind(kind)), reader)


def _format_time_left(breach: Breach, now: datetime) -> str:
    if breach.closed_at is not None:
        return "closed"
    left = breach.due - now
    hours, rest = divmod(abs(left), timedelta(hours=1))
    span = f"{hours} h {rest // timedelta(minutes=1)} min"
    return f"{span} left" if left >= timedelta(0) else f"OVERDUE by {span}"


def _format_moment(at: datetime) -> str:
    return f"{at.astimezone(CITY_TIME_ZONE):%Y-%m-%d %H:%M} WIB"


async def _run_with_breaches(work: Callable[[Breaches, bytes], Awaitable[T]]) -> T:
    from store.ledger.breaches import UnknownBreach  # noqa: PLC0415 - the hub, which other commands need not wait for

    async with _open_breaches() as (breaches, secret):
        try:
            return await work(breaches, secret)
        except UnknownBreach as problem:
            raise CommandError(f"{problem}: `simpul breach list` names them") from problem
        except CommandError:
            raise
        except Exception as problem:
            raise CommandError(
                f"the hub's database cannot be used ({type(problem).__name__}): is it up, and was the hub started on"
                " it?"
            ) from problem


@asynccontextmanager
async def _open_breaches() -> AsyncIterator[tuple[Breaches, bytes]]:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import create_database_engine  # noqa: PLC0415 - same
    from store.ledger.breaches import Breaches  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        yield Breaches(engine), settings.secret_bytes
    finally:
        await engine.dispose()
