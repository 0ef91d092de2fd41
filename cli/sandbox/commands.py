"""`simpul sandbox`: show the running city, stop and start its agencies, and print settings for a separate hub."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder
from sandbox.agency import LOOPBACK, TYPICAL_LATENCY_MS
from sandbox.city_control import control_city


class OnOff(StrEnum):
    """A switch."""

    ON = "on"
    OFF = "off"


def build_group() -> typer.Typer:
    """Build the command group; without a command it lists the agencies."""
    group = typer.Typer(help="The agencies of the sandbox city and its OpenID provider; without a command, lists them.")
    group.callback(invoke_without_command=True)(list_agencies)
    group.command("stop")(stop_agency)
    group.command("start")(start_agency)
    group.command("calls")(list_calls)
    group.command("latency")(switch_latency)
    group.command("settings")(print_settings)
    return group


def list_agencies(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the agencies: state, port, process, calls since the last reset."""
    if context.invoked_subcommand is None:
        _print_agencies(control_city(find_state_folder().path, "state"), as_json=as_json)


_AgencyArgument = Annotated[
    str, typer.Argument(help="An agency of the sandbox.", autocompletion=lambda: list(TYPICAL_LATENCY_MS))
]


def stop_agency(agency: _AgencyArgument) -> None:
    """Stop an agency's server, to see how the hub answers without it."""
    _print_agencies(control_city(find_state_folder().path, "stop", agency))


def start_agency(agency: _AgencyArgument) -> None:
    """Start an agency's server again, on the same port."""
    with Console(stderr=True).status(f"Starting {agency} ..."):
        agencies = control_city(find_state_folder().path, "start", agency)
    _print_agencies(agencies)


def list_calls(
    *,
    reset: Annotated[bool, typer.Option("--reset", help="Set every counter to 0 after showing it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the calls to each agency, by operation."""
    rows = []
    for agency in _list_running():
        counted = _call_control_api(agency, "GET", "/calls")["operations"] or {None: 0}
        rows += [
            {"agency": agency["name"], "operation": operation, "calls": count}
            for operation, count in sorted(counted.items())
        ]
        if reset:
            _call_control_api(agency, "DELETE", "/calls")
    print_rows(rows, as_json=as_json)


def switch_latency(switch: Annotated[OnOff, typer.Argument(help="on imitates the latency of real agencies.")]) -> None:
    """Turn the agencies' imitated latency on or off."""
    for agency in _list_running():
        p50, p95 = TYPICAL_LATENCY_MS[agency["name"]] if switch is OnOff.ON else (0, 0)
        _call_control_api(agency, "PUT", "/latency", {"p50_ms": p50, "p95_ms": p95})
        typer.echo(f"{agency['name']}: half of the answers within {p50} ms, 95 % within {p95} ms")


def print_settings(
    *, port: Annotated[int, typer.Option(min=1, max=65535, help="Loopback port of that hub.")] = 8001
) -> None:
    """Print a settings file for a production `simpul hub` in front of the running city."""
    from cli.hub_settings import build_production_environment  # noqa: PLC0415 - the hub, which other commands need not wait for

    _list_running()
    environment = build_production_environment(find_state_folder(), port=port)
    typer.echo("# A production hub in front of the sandbox city. This file holds secrets.")
    for name, value in environment.items():
        typer.echo(f"{name}='{value}'")


def _list_running() -> list[dict[str, Any]]:
    agencies = [agency for agency in control_city(find_state_folder().path, "state") if agency["state"] == "running"]
    if not agencies:
        raise CommandError("no agency runs: start one with `simpul sandbox start AGENCY`")
    return agencies


def _print_agencies(agencies: list[dict[str, Any]], *, as_json: bool = False) -> None:
    rows = [
        {
            "agency": agency["name"],
            "state": agency["state"],
            "port": agency["port"],
            "control_port": agency["control_port"],
            "pid": agency["pid"],
            "calls": _call_control_api(agency, "GET", "/calls")["total"] if agency["state"] == "running" else None,
        }
        for agency in agencies
    ]
    print_rows(rows, as_json=as_json)


def _call_control_api(agency: dict[str, Any], method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Send a request to an agency's control API."""
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, agency["control_port"], timeout=5)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
    except (OSError, http.client.HTTPException) as problem:
        raise CommandError(f"{agency['name']} does not answer on its control port: {problem}") from None
    if answer.status >= http.client.BAD_REQUEST:
        raise CommandError(f"{agency['name']} refused {method} {path}: {text.decode(errors='replace')}")
    return json.loads(text) if text else None
