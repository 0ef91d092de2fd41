"""`simpul consents`: what became of people's consents, what partners still have to be told, and how they check it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cli.client_argument import Client, ClientIfAny
from cli.failure import Failure
from cli.place import state_folder

if TYPE_CHECKING:  # the whole hub, which other commands need not wait for
    from records.webhooks import WebhookCall
    from settings import Settings
    from store.consent_events import KeptEvent
    from store.consent_tables import ConsentTables

T = TypeVar("T")

MOST_SHOWN = 100
_WIDE = 1000


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="Consents: requests for them, their end, and telling partners.")
    group.command("show")(show)
    group.command("outbox")(outbox)
    group.command("secret")(secret)
    return group


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a request or of a consent, as a partner names it.")],
) -> None:
    """Show everything that happened to a request or a consent, oldest first. Whose it is, nobody is told."""

    async def found(tables: ConsentTables) -> Sequence[KeptEvent]:
        return await tables.events.of(id_)

    events = _in_state(found)
    if not events:
        raise Failure("there is neither a request nor a consent of that id")
    table = Table("at", "event", "by", "request", "consent", "in", "detail", box=None)
    for each in events:
        detail = ", ".join(f"{name}: {value}" for name, value in each.detail.items())
        at = f"{each.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(at, each.event, each.by, each.request, each.consent, each.request_id, detail)
    _print(table)


def outbox(client: ClientIfAny = None) -> None:
    """List the newest 100 calls to partners' webhooks, with what became of each."""

    async def found(tables: ConsentTables) -> Sequence[WebhookCall]:
        return await tables.outbox.calls(client=client, most=MOST_SHOWN)

    table = Table("written", "client", "tells", "request", "consent", "state", "sent", "failure", box=None)
    for each in _in_state(found):
        written = f"{each.created_at:%Y-%m-%d %H:%M:%S}"
        sent = f"{each.attempts} times" if each.attempts else ""
        table.add_row(written, each.client, each.type, each.request, each.consent, each.state, sent, each.failure)
    _print(table)


def secret(
    client: Client,
    *,
    version: Annotated[
        int, typer.Option(min=1, help="As 'webhook_secret' of its contract says; the next one to prepare a change.")
    ] = 1,
) -> None:
    """Print the secret by which a client checks that webhooks are the hub's. Give it to the client alone."""
    from auth.webhook_signatures import WebhookSignatures  # noqa: PLC0415 - the hub, which other commands need not wait for

    typer.echo(WebhookSignatures(_settings().secret_bytes).secret_of(client, version))


def _print(table: Table) -> None:
    """Whole, from however small a window: ids are to be copied."""
    Console(soft_wrap=True, width=_WIDE).print(table)


def _settings() -> Settings:
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for

    return hub_settings(state_folder())


def _in_state(work: Callable[[ConsentTables], Awaitable[T]]) -> T:
    """Look something up in the hub's own database."""
    from store.consent_tables import consent_tables  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import database  # noqa: PLC0415 - same

    async def done() -> T:
        engine = database(settings.state_url.get_secret_value())
        try:
            return await work(consent_tables(engine))
        finally:
            await engine.dispose()

    settings = _settings()
    try:
        return asyncio.run(done())
    except Failure:
        raise
    except Exception as problem:
        raise Failure(
            f"the hub's database cannot be read ({type(problem).__name__}): is it up, and was the hub started on it?"
        ) from problem
