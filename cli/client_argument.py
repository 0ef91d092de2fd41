"""Clients on the command line and in files: the issuer and the client's name there, `city/portal`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command_error import CommandError
from records.hub.clients import ClientId
from records.hub.operations import FIRST_PARTY


def parse_client(text: str) -> ClientId:
    """Parse a client; raises `CommandError` if the text is not a client."""
    if text == FIRST_PARTY:
        return FIRST_PARTY
    try:
        return ClientId.parse(text)
    except ValueError as problem:
        raise CommandError(f"{text!r} is not a client: {problem}") from None


ClientArgument = Annotated[
    ClientId,
    typer.Argument(parser=parse_client, metavar="ISSUER/CLIENT", help="The client: city/portal."),
]
OptionalClientArgument = Annotated[
    ClientId | None, typer.Argument(parser=parse_client, metavar="[ISSUER/CLIENT]", help="Only of this client.")
]
