"""The command line `simpul`: one file a group of commands, joined here."""

from __future__ import annotations

import sys
import traceback

import typer

from cli import access, consents, data_requests, ledger, retention, schema, state
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
from cli.settings_file import use_settings_file
from sandbox.city import CityError
from sandbox.city_control import NoCityError
from sandbox.databases.postgres import PostgresError
from sandbox.state_folder import StateError

EXPECTED_ERRORS = (CommandError, CityError, NoCityError, PostgresError, StateError)


def build_app() -> typer.Typer:
    """The application with every command."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="One typed citizen graph in front of a city's scattered agency systems.",
    )
    app.callback()(use_settings_file)
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
    return app


def main() -> None:
    """Run the command that the arguments name and exit. What goes wrong is told in one line."""
    try:
        build_app()(prog_name="simpul")
    except EXPECTED_ERRORS as problem:
        sys.exit(_print_error(str(problem)))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        sys.exit(141)
    except Exception as problem:  # noqa: BLE001 - the last stop: a traceback helps nobody at a prompt
        sys.exit(_print_error(f"unexpected {type(problem).__name__}: {problem} (where: {_save_traceback(problem)})"))


def _print_error(text: str) -> int:
    sys.stderr.write(f"simpul: {' '.join(text.split())}\n")
    return 1


def _save_traceback(problem: Exception) -> str:
    """Write the traceback where whoever mends it finds it; its path."""
    try:
        path = find_state_folder().folder("logs") / "simpul.log"
        path.write_text("".join(traceback.format_exception(problem)))
    except (OSError, StateError):
        return "no place to write it to"
    return str(path)
