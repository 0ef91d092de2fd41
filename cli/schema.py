"""`simpul schema`: print the graph, compare it with the one that is checked in, write it anew."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from cli.failure import Failure
from cli.place import ROOT

SNAPSHOT = ROOT / "schema" / "schema.graphql"
ACCESS_PAGE = ROOT / "docs" / "frontend" / "access.md"


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="The graph that callers see.")
    group.command("print")(print_schema)
    group.command("check")(check)
    group.command("write")(write)
    return group


def _sdl() -> str:
    from wiring.examining import build_schema_sdl  # noqa: PLC0415 - the whole hub, which other commands need not wait for

    return build_schema_sdl()


def print_schema() -> None:
    """Print the graph in the schema definition language."""
    typer.echo(_sdl().rstrip("\n"))


def check(
    *,
    registered: Annotated[
        bool, typer.Option("--registered", help="Also check every operation in the hub's registry against the graph.")
    ] = False,
) -> None:
    """Compare the graph with schema/schema.graphql; name what breaks callers, what may, and fail on any difference."""
    broken = _broken_operations() if registered else 0
    _compare_with_snapshot()
    if broken:
        raise Failure(f"the graph breaks {broken} registered operation{'' if broken == 1 else 's'}, named above")


def _broken_operations() -> int:
    """Name each published operation that the graph would break, with its client and each reason; how many there are."""
    from graphql import build_schema  # noqa: PLC0415 - the graph, which other commands need not wait for

    from cli.operations import published_operations  # noqa: PLC0415 - same
    from schema.operation_breaks import breaks, terms_broken  # noqa: PLC0415 - the hub, which other commands do without
    from wiring.examining import examiner  # noqa: PLC0415 - same

    now, engine = build_schema(_sdl()), examiner()
    before = build_schema(SNAPSHOT.read_text()) if SNAPSHOT.exists() else now
    console = Console(stderr=True, soft_wrap=True)
    broken = 0
    for contract, operation in published_operations():
        reasons = breaks(before, now, operation.text) or terms_broken(engine, contract, operation)
        broken += bool(reasons)
        for reason in reasons:
            line = f"breaks client {operation.client}: {operation.name} ({operation.id}): {reason}"
            console.print(line, markup=False, highlight=False)
    return broken


def _compare_with_snapshot() -> None:
    if not SNAPSHOT.exists():
        raise Failure(f"{SNAPSHOT.relative_to(ROOT)} is missing: write it with `simpul schema write`")
    before, now = SNAPSHOT.read_text(), _sdl()
    if before.strip() == now.strip():
        typer.echo("The graph is the one in schema/schema.graphql.")
        return
    changes = compare(before, now)
    console = Console(stderr=True, soft_wrap=True)
    for kind, descriptions in changes.items():
        for description in descriptions:
            console.print(f"{kind}: {description}", markup=False, highlight=False)
    breaking = len(changes["breaking"])
    raise Failure(
        f"the graph differs from schema/schema.graphql, {breaking} breaking change{'' if breaking == 1 else 's'}: "
        "if that is meant, `simpul schema write` and commit the file"
    )


def compare(before: str, now: str) -> dict[str, list[str]]:
    """What breaks callers of the graph `before` in the graph `now`, and what may; by kind, in schema language."""
    from graphql import build_schema  # noqa: PLC0415 - the graph, which other commands need not wait for
    from graphql.utilities import find_breaking_changes, find_dangerous_changes  # noqa: PLC0415 - same

    old, new = build_schema(before), build_schema(now)
    return {
        "breaking": [change.description for change in find_breaking_changes(old, new)],
        "dangerous": [change.description for change in find_dangerous_changes(old, new)],
    }


def write() -> None:
    """Write the graph to schema/schema.graphql, and who sees what of it to docs/frontend/access.md."""
    from wiring.examining import build_access_page  # noqa: PLC0415 - the whole hub, which other commands need not wait for

    for path, text in ((SNAPSHOT, _sdl()), (ACCESS_PAGE, build_access_page())):
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        typer.echo(f"Wrote {path.relative_to(ROOT)}.")
