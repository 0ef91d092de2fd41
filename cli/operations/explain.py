"""`simpul explain FILE`: the plan of an operation, with the calls to each agency, without running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.command_error import CommandError


def add_command(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain")(explain)


def explain(
    operation: Annotated[Path, typer.Argument(help="File with a GraphQL document.")],
    *,
    name: Annotated[str | None, typer.Option("--operation", help="Name of the operation in the document.")] = None,
    variables: Annotated[Path | None, typer.Option(help="JSON file with the variables of @include and @skip.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Print the Python source that was compiled.")] = False,
) -> None:
    """Show the plan of an operation as a tree: batches, agencies, and the number of calls. Calls no agency."""
    from cli.agencies.city_option import load_city_folder  # noqa: PLC0415 - the whole hub, which other commands need not wait for
    from wiring.schema_tools import explain_operation  # noqa: PLC0415 - same

    text = _read_file(operation)
    values: Any = json.loads(_read_file(variables)) if variables else {}
    try:
        plan, compiled = explain_operation(text, city=load_city_folder(None), operation_name=name, variables=values)
    except ValueError as problem:
        raise CommandError(f"{operation}: {problem}") from None
    typer.echo(compiled if source else plan)


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} cannot be read: it is not UTF-8") from None
