"""`simpul agencies serve`: runs a stand-in server of one agency from its samples."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.agencies.city_option import CityOption, find_city_path
from cli.command_error import CommandError
from sandbox.agency import AgencySpec, CannotStartError
from sandbox.stand_ins.sources import DROP, StandInSource
from sandbox.state_folder import find_free_port

_USER = "simpul"


def serve_samples(
    agency: Annotated[str, typer.Argument(help="The code of an agency, the name of its manifest.")],
    *,
    city: CityOption = None,
    port: Annotated[int | None, typer.Option(help="Loopback port of the server; default: a free one.")] = None,
) -> None:
    """Serve an agency's samples until Ctrl-C, and print the variables of a hub that calls them."""
    from sandbox.stand_ins.server import run  # noqa: PLC0415 - the server, which other commands need not wait for

    source = StandInSource(find_city_path(city).resolve(), agency)
    at, secret = port or find_free_port(), secrets.token_urlsafe(18)
    try:
        with TemporaryDirectory(prefix="simpul-") as state:
            url = source.build_url(port=at, user=_USER, secret=secret, folder=str(Path(state) / DROP))
            variables = source.build_variables(url, user=_USER, secret=secret, state=state)
            spec = AgencySpec(
                name=agency,
                port=at,
                control_port=find_free_port(),
                state=Path(state),
                user=_USER,
                secret=secret,
                latency=False,
            )
            for name, value in variables.items():
                typer.echo(f"export {name}={value}")
            typer.echo(f"The samples of {agency} are served on port {at}, its control on {spec.control_port}.")
            run(spec, source)
    except CannotStartError as problem:
        raise CommandError(str(problem)) from None
