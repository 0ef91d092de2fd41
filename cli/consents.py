"""`simpul consents`: events of consents, webhooks to partners, and the secret that verifies webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.client_argument import ClientArgument, OptionalClientArgument
from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder

if TYPE_CHECKING:  # the whole hub, which other commands need not wait for
    from records.hub.webhooks import WebhookCall
    from settings import Settings
    from store.consents.consent_events import StoredConsentEvent
    from store.consents.consent_tables import ConsentTables

T = TypeVar("T")

MAX_SHOWN = 100


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Consents: requests, their end, and webhooks to partners.")
    group.command("show")(show_events)
    group.command("outbox")(list_outbox)
    group.command("secret")(print_secret)
    return group


def show_events(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a request or of a consent, as a partner names it.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show every event of a request or a consent, oldest first. The person is not shown."""

    async def found(tables: ConsentTables) -> Sequence[StoredConsentEvent]:
        return await tables.events.list_events(id_)

    events = _run_in_state(found)
    if not events:
        raise CommandError("no request and no consent has that id")
    rows = [
        {
            "at": each.at,
            "event": each.event,
            "by": each.by,
            "request": each.request,
            "consent": each.consent,
            "in": each.request_id,
            "detail": [f"{name}: {value}" for name, value in each.detail.items()],
        }
        for each in events
    ]
    print_rows(rows, as_json=as_json)


def list_outbox(client: OptionalClientArgument = None, *, as_json: JsonOption = False) -> None:
    """List the newest 100 webhook calls to partners, with their state."""

    async def found(tables: ConsentTables) -> Sequence[WebhookCall]:
        return await tables.outbox.list_calls(client=client, limit=MAX_SHOWN)

    rows = [
        {
            "written": each.created_at,
            "client": each.client,
            "event": each.type,
            "request": each.request,
            "consent": each.consent,
            "state": each.state,
            "attempts": each.attempts,
            "failure": each.failure,
        }
        for each in _run_in_state(found)
    ]
    print_rows(rows, as_json=as_json, nothing="No webhook was written yet.")


def print_secret(
    client: ClientArgument,
    *,
    version: Annotated[
        int, typer.Option(min=1, help="'webhook_secret' of its contract; the next version prepares a change.")
    ] = 1,
) -> None:
    """Print the secret with which a client verifies the hub's webhooks. Give it to that client only."""
    from auth.crypto.webhook_signatures import WebhookSignatures  # noqa: PLC0415 - the hub, which other commands need not wait for

    typer.echo(WebhookSignatures(_load_settings().secret_bytes).format_secret(client, version))


def _load_settings() -> Settings:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for

    return load_hub_settings(find_state_folder())


def _run_in_state(work: Callable[[ConsentTables], Awaitable[T]]) -> T:
    """Run a query in the hub's own database."""
    from store.consents.consent_tables import build_consent_tables  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import create_database_engine  # noqa: PLC0415 - same

    async def done() -> T:
        engine = create_database_engine(settings.state_url.get_secret_value())
        try:
            return await work(build_consent_tables(engine))
        finally:
            await engine.dispose()

    settings = _load_settings()
    try:
        return asyncio.run(done())
    except CommandError:
        raise
    except Exception as problem:
        raise CommandError(
            f"the hub's database cannot be read ({type(problem).__name__}): is it up, and was the hub started on it?"
        ) from problem
