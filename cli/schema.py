"""`simpul schema`: print the graph, compare it with the checked-in schema, rewrite the schema file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.command_error import CommandError
from cli.project_paths import ROOT

if TYPE_CHECKING:
    from settings.city.folder import CityFolder

SNAPSHOT = ROOT / "schema" / "schema.graphql"
ACCESS_PAGE = ROOT / "docs" / "frontend" / "field-access.md"
DECISION_TABLE = ROOT / "docs" / "frontend" / "decision-table.md"


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The graph that callers see.")
    group.command("print")(print_schema)
    group.command("check")(check_schema)
    group.command("write")(write_schema)
    return group


def _build_sdl(city: CityFolder | None = None) -> str:
    from wiring.schema_tools import build_schema_sdl  # noqa: PLC0415 - the whole hub, which other commands need not wait for

    return build_schema_sdl(city)


def print_schema() -> None:
    """Print the graph of the city in SIMPUL_CITY in the schema definition language."""
    from cli.agencies.city_option import load_city_folder  # noqa: PLC0415 - the hub, which other commands need not wait for

    typer.echo(_build_sdl(load_city_folder(None)).rstrip("\n"))


def check_schema(
    *,
    registered: Annotated[
        bool, typer.Option("--registered", help="Also check every operation in the hub's registry against the graph.")
    ] = False,
) -> None:
    """Compare the graph with schema/schema.graphql; list breaking and dangerous changes, and fail on any difference."""
    broken = _report_broken_operations() if registered else 0
    _compare_with_snapshot()
    if broken:
        raise CommandError(f"the graph breaks {broken} registered operation{'' if broken == 1 else 's'}, named above")


def _report_broken_operations() -> int:
    """Print each published operation that the graph would break, with client and reasons; returns how many."""
    from graphql import build_schema  # noqa: PLC0415 - the graph, which other commands need not wait for

    from cli.agencies.city_option import load_city_folder  # noqa: PLC0415 - same
    from cli.operations.commands import load_published_operations  # noqa: PLC0415 - same
    from schema.tools.operation_changes import find_breaking_changes, find_contract_violations  # noqa: PLC0415 - the hub, which other commands do without
    from wiring.schema_tools import build_offline_engine  # noqa: PLC0415 - same

    city = load_city_folder(None)
    now, engine = build_schema(_build_sdl(city)), build_offline_engine(city)
    before = build_schema(SNAPSHOT.read_text()) if SNAPSHOT.exists() else now
    console = Console(stderr=True, soft_wrap=True)
    broken = 0
    for contract, operation in load_published_operations():
        reasons = find_breaking_changes(before, now, operation.text) or find_contract_violations(
            engine, contract, operation
        )
        broken += bool(reasons)
        for reason in reasons:
            line = f"breaks client {operation.client}: {operation.name} ({operation.id}): {reason}"
            console.print(line, markup=False, highlight=False)
    return broken


def _compare_with_snapshot() -> None:
    if not SNAPSHOT.exists():
        raise CommandError(f"{SNAPSHOT.relative_to(ROOT)} is missing: write it with `simpul schema write`")
    before, now = SNAPSHOT.read_text(), _build_sdl()
    if before.strip() == now.strip():
        typer.echo("The graph is the one in schema/schema.graphql.")
        return
    changes = compare_schemas(before, now)
    console = Console(stderr=True, soft_wrap=True)
    for kind, descriptions in changes.items():
        for description in descriptions:
            console.print(f"{kind}: {description}", markup=False, highlight=False)
    breaking = len(changes["breaking"])
    raise CommandError(
        f"the graph differs from schema/schema.graphql, {breaking} breaking change{'' if breaking == 1 else 's'}: "
        "if this is intended, run `simpul schema write` and commit the file"
    )


def compare_schemas(before: str, now: str) -> dict[str, list[str]]:
    """Breaking and dangerous changes from the graph `before` to the graph `now`, by kind, in schema language."""
    from graphql import build_schema  # noqa: PLC0415 - the graph, which other commands need not wait for
    from graphql.utilities import find_breaking_changes, find_dangerous_changes  # noqa: PLC0415 - same

    old, new = build_schema(before), build_schema(now)
    return {
        "breaking": [change.description for change in find_breaking_changes(old, new)],
        "dangerous": [change.description for change in find_dangerous_changes(old, new)],
    }


def write_schema() -> None:
    """Write the graph to schema/schema.graphql, and its access rules and decisions to two pages of docs/frontend/."""
    from wiring.schema_tools import build_access_page, build_decision_table  # noqa: PLC0415 - the whole hub, which other commands need not wait for

    pages = ((SNAPSHOT, _build_sdl()), (ACCESS_PAGE, build_access_page()), (DECISION_TABLE, build_decision_table()))
    for path, text in pages:
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        typer.echo(f"Wrote {path.relative_to(ROOT)}.")
