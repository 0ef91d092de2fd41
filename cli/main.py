"""The command line `simpul`: one module per command group, joined here."""

from __future__ import annotations

import platform
import sys
import traceback
from typing import Annotated

import typer

from cli import access, commands, consents, data_requests, ledger, retention, schema, state
from cli.agencies import commands as agencies
from cli.agencies import data_contracts
from cli.breach import commands as breach
from cli.command_error import CommandError
from cli.operations import commands as operations
from cli.operations import explain
from cli.project_paths import find_state_folder
from cli.sandbox import commands as sandbox
from cli.sandbox import sample_callers, sample_clients
from cli.serve import commands as serve
from cli.serve import hub
from cli.settings_check import commands as settings
from cli.settings_file import SettingsFile, use_settings_file
from sandbox.city import CityError
from sandbox.city_control import NoCityError
from sandbox.databases.postgres import PostgresError
from sandbox.state_folder import StateError

VERSION = "0.1.0"
EXPECTED_ERRORS = (CommandError, CityError, NoCityError, PostgresError, StateError)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if wanted:
        typer.echo(f"simpul {VERSION} (Python {platform.python_version()})")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
]


def _read_global_options(
    context: typer.Context,
    *,
    settings_file: SettingsFile = None,
    version: VersionOption = False,  # noqa: ARG001 - its callback prints it
) -> None:
    """Apply the options that come before the command."""
    use_settings_file(context.invoked_subcommand, settings_file)


def build_app() -> typer.Typer:
    """Build the application with every command."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="One typed citizen graph in front of a city's scattered agency systems.",
    )
    app.callback()(_read_global_options)
    serve.add_command(app)
    hub.add_command(app)
    sample_callers.add_commands(app)
    sample_clients.add_commands(app)
    explain.add_command(app)
    app.add_typer(sandbox.build_group(), name="sandbox")
    app.add_typer(schema.build_group(), name="schema")
    app.add_typer(operations.build_group(), name="operations")
    app.add_typer(consents.build_group(), name="consents")
    app.add_typer(agencies.build_group(), name="agencies")
    app.add_typer(data_contracts.build_group(), name="data-contracts")
    app.add_typer(ledger.build_group(), name="ledger")
    app.add_typer(state.build_group(), name="state")
    app.add_typer(settings.build_group(), name="settings")
    app.add_typer(retention.build_group(), name="retention")
    app.add_typer(breach.build_group(), name="breach")
    app.add_typer(data_requests.build_group(), name="data-requests")
    app.add_typer(access.build_group(), name="access")
    app.add_typer(commands.build_group(), name="commands")
    return app


def main() -> None:
    """Run the command of the arguments and exit. Errors are printed in one line."""
    try:
        build_app()(prog_name="simpul")
    except EXPECTED_ERRORS as problem:
        sys.exit(_print_error(str(problem)))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        sys.exit(141)
    except Exception as problem:  # noqa: BLE001 - the last handler: a traceback does not help at a prompt
        sys.exit(_print_error(f"unexpected {type(problem).__name__}: {problem} (where: {_save_traceback(problem)})"))


def _print_error(text: str) -> int:
    sys.stderr.write(f"simpul: {' '.join(text.split())}\n")
    return 1


def _save_traceback(problem: Exception) -> str:
    """Write the traceback to the log folder; returns its path."""
    try:
        path = find_state_folder().folder("logs") / "simpul.log"
        path.write_text("".join(traceback.format_exception(problem)))
    except (OSError, StateError):
        return "the log folder cannot be written"
    return str(path)
