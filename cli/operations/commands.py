"""`simpul operations`: which client may run which operations, published from manifests of frontend tools."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from cli.client_argument import ClientArgument, OptionalClientArgument
from cli.command_error import CommandError
from cli.listing import JsonOption, print_json, print_rows
from cli.operations.contract_file import read_contract
from cli.operations.manifests import ManifestEntry, read_manifest
from cli.project_paths import find_state_folder
from records.hub.clients import ClientId
from records.hub.operations import ClientContract, RegisteredOperation, RegistryEntry
from records.plurals import count_noun

if TYPE_CHECKING:  # the whole hub, which other commands need not wait for
    from schema.tools.operation_registration import OperationExamination
    from store.operations.operation_registry import OperationRegistry

T = TypeVar("T")

_Manifest = Annotated[Path, typer.Argument(help="Manifest of Apollo, Relay or GraphQL Code Generator.")]
_ManifestIfAny = Annotated[
    Path | None, typer.Argument(help="Manifest, as for `check`; without it, only the contract is published.")
]
_ContractFile = Annotated[
    Path | None, typer.Option("--contract", help="TOML or JSON file with the contract; default: the stored one.")
]
_ApprovedBy = Annotated[
    str | None, typer.Option(help="The data owner that approved it, and the document, such as a letter's number.")
]
_By = Annotated[str | None, typer.Option("--by", help="Your name; default: the user of this machine.")]


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The operations that clients may run.")
    group.command("publish")(publish)
    group.command("check")(check)
    group.command("list")(list_operations)
    group.command("retire")(retire)
    return group


def publish(
    client: ClientArgument,
    manifest: _ManifestIfAny = None,
    contract: _ContractFile = None,
    approved_by: _ApprovedBy = None,
    by: _By = None,
) -> None:
    """Register the operations of a manifest, all or none; show their reads, rules and cost.

    With a contract and no manifest, only the contract changes, if all published operations fit it.
    """
    if manifest is None and contract is None:
        raise CommandError("name a manifest, or --contract FILE to change only the contract")
    entries = () if manifest is None else read_manifest(manifest)
    contract_from_file = _read_contract_of(client, contract)

    async def publish_all(registry: OperationRegistry) -> tuple[int, int]:
        agreed_contract = contract_from_file or await _load_stored_contract(registry, client)
        published_already = [each.operation for each in await registry.list_entries(client) if each.retired_at is None]
        publishable = _require_publishable(examine_entries(agreed_contract, entries, approved_by, published_already))
        return await registry.publish(agreed_contract, publishable, by=by or getpass.getuser())

    new_count, known_count = _run_in_registry(publish_all)
    if manifest is None:
        known = count_noun(known_count, "operation")
        typer.echo(f"The contract of {client} is in force, with {known}. Hubs apply it in seconds.")
        return
    typer.echo(
        f"Published {count_noun(new_count, 'operation')} for {client}; {known_count} already published."
        " Hubs apply this within seconds."
    )


def check(
    client: ClientArgument, manifest: _Manifest, contract: _ContractFile = None, approved_by: _ApprovedBy = None
) -> None:
    """Run the checks of `publish`, and register nothing. With --contract, no database is needed."""
    entries = read_manifest(manifest)
    agreed_contract = _read_contract_of(client, contract)
    if agreed_contract is None:

        async def load_stored(registry: OperationRegistry) -> ClientContract:
            return await _load_stored_contract(registry, client)

        agreed_contract = _run_in_registry(load_stored)
    publishable = _require_publishable(examine_entries(agreed_contract, entries, approved_by, ()))
    typer.echo(f"{count_noun(len(publishable), 'operation')} could be published for {client}.")


def list_operations(client: OptionalClientArgument = None, *, as_json: JsonOption = False) -> None:
    """List the registered operations, with state, scopes, cost, data and approval."""

    async def found(
        registry: OperationRegistry,
    ) -> tuple[Sequence[ClientContract], Sequence[RegistryEntry]]:
        return await registry.list_contracts(), await registry.list_entries(client)

    contracts, entries = _run_in_registry(found)
    contracts = [each for each in contracts if client in {None, each.client}]
    rows = [_to_row(each) for each in entries]
    if as_json:
        print_json({"contracts": [_to_contract_row(each) for each in contracts], "operations": rows})
        return
    for each in contracts:
        quota = "any cost" if each.cost_a_day is None else f"{count_noun(each.cost_a_day, 'point')} a day"
        called = "" if each.name is None else f" ({each.name})"
        consent = (
            "" if each.consent is None else f", asks for consent for {count_noun(each.consent.days, 'day')} at most"
        )
        typer.echo(f"{each.client}{called}: {each.mode}, {quota}{consent}")
    print_rows(rows, as_json=False, nothing="No operation is registered.")


def _to_contract_row(contract: ClientContract) -> Mapping[str, object]:
    return {
        "client": contract.client,
        "name": contract.name,
        "mode": contract.mode,
        "cost_a_day": contract.cost_a_day,
        "consent_days": contract.consent and contract.consent.days,
    }


def _to_row(entry: RegistryEntry) -> Mapping[str, object]:
    operation = entry.operation
    retired = f"; {entry.retired_by} {entry.retired_at:%Y-%m-%d}" if entry.retired_at else ""
    return {
        "client": operation.client,
        "operation": operation.name,
        "id": operation.id,
        "state": entry.state,
        "scopes": sorted(operation.scopes),
        "points": operation.cost,
        "data": sorted({reading.data_class for reading in operation.reads}),
        "approved": operation.approved_by,
        "by": f"{entry.published_by} {entry.published_at:%Y-%m-%d}{retired}",
    }


def retire(
    client: ClientArgument,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, as `simpul operations list` shows them.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every operation of the client.")] = False,
    by: _By = None,
) -> None:
    """Retire operations of a client; hubs stop running them within seconds."""
    if bool(ids) == everything:
        raise CommandError("name the ids to retire, or --all")

    async def retire_wanted(registry: OperationRegistry) -> tuple[Sequence[str], Sequence[str]]:
        published = [each.operation.id for each in await registry.list_entries(client) if each.retired_at is None]
        wanted = published if everything else list(ids or ())
        unknown = sorted(set(wanted) - set(published))
        if unknown:
            raise CommandError(
                f"{client} has no published operation {unknown[0]!r}: see `simpul operations list {client}`"
            )
        return await registry.retire(client, wanted, by=by or getpass.getuser()), published

    retired_ids, _ = _run_in_registry(retire_wanted)
    typer.echo(f"Retired {count_noun(len(retired_ids), 'operation')} of {client}. Hubs apply it within seconds.")


def load_published_operations() -> Sequence[tuple[ClientContract, RegisteredOperation]]:
    """Every operation that a client may run, with the client's contract."""

    async def found(registry: OperationRegistry) -> Sequence[tuple[ClientContract, RegisteredOperation]]:
        contracts = {each.client: each for each in await registry.list_contracts()}
        return [(contracts[each.client], each) for each in await registry.list_published()]

    return _run_in_registry(found)


def _read_contract_of(client: ClientId, path: Path | None) -> ClientContract | None:
    if path is None:
        return None
    contract = read_contract(path)
    if contract.client != client:
        raise CommandError(f"{path} is the contract of {str(contract.client)!r}, not of {str(client)!r}")
    return contract


async def _load_stored_contract(registry: OperationRegistry, client: ClientId) -> ClientContract:
    found = next((each for each in await registry.list_contracts() if each.client == client), None)
    if found is None:
        raise CommandError(f"{client} has no contract yet: give it with --contract FILE")
    return found


def examine_entries(
    contract: ClientContract,
    entries: Sequence[ManifestEntry],
    approved_by: str | None,
    published: Sequence[RegisteredOperation],
) -> list[OperationExamination]:
    """Examine the new and the published operations under the new contract."""
    from cli.agencies.city_option import load_city_folder  # noqa: PLC0415 - the hub, which other commands need not
    from schema.tools.operation_registration import examine_operation, get_operation_name  # noqa: PLC0415 - same
    from wiring.schema_tools import build_offline_engine  # noqa: PLC0415 - same

    new = {
        entry.id: RegisteredOperation(
            client=contract.client,
            id=entry.id,
            name=entry.name if entry.name is not None else get_operation_name(entry.text),
            text=entry.text,
            approved_by=approved_by,
        )
        for entry in entries
    }
    for each in published:
        if each.id not in new:
            new[each.id] = each
        elif approved_by is None and new[each.id].text == each.text:
            new[each.id] = replace(new[each.id], approved_by=each.approved_by)
    engine = build_offline_engine(load_city_folder(None))
    return [examine_operation(engine, contract, each) for each in new.values()]


def _require_publishable(found: Sequence[OperationExamination]) -> Sequence[RegisteredOperation]:
    """Print each operation; raises `CommandError` if one does not fit."""
    console = Console(stderr=True, soft_wrap=True)
    for each in found:
        for line in _describe(each):
            console.print(line, markup=False, highlight=False)
    faulty = [each for each in found if each.faults]
    if faulty:
        raise CommandError(
            f"{len(faulty)} of {count_noun(len(found), 'operation')} cannot be published; nothing was changed"
        )
    return [each.operation for each in found]


def _describe(found: OperationExamination) -> Sequence[str]:
    operation = found.operation
    lines = [f"{operation.name or '(no name)'}  {operation.id}"]
    if not found.faults:
        lines.append(f"  {count_noun(operation.cost, 'point')}, scopes: {' '.join(sorted(operation.scopes)) or 'none'}")
    lines += [f"  {each.field}: {each.data_class}, {each.rule}" for each in operation.reads]
    lines += [f"  | {line}" for line in found.plan.splitlines()]
    lines += [f"  cannot be published: {fault}" for fault in found.faults]
    return lines


def _run_in_registry(work: Callable[[OperationRegistry], Awaitable[T]]) -> T:
    """Run a task in the hub's operation registry."""
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.operations.operation_registry import RegistryRefused  # noqa: PLC0415 - same
    from wiring.operations import open_operation_registry  # noqa: PLC0415 - same

    async def done() -> T:
        async with open_operation_registry(settings) as registry:
            return await work(registry)

    settings = load_hub_settings(find_state_folder())
    try:
        return asyncio.run(done())
    except OSError:
        raise CommandError(
            "the hub's database does not answer: start it (`simpul serve`), or correct SIMPUL_STATE_URL"
        ) from None
    except RegistryRefused as refusal:
        raise CommandError(str(refusal)) from None
