"""How a client is named on the command line and in files: by its issuer and its name there, `city/portal`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.failure import Failure
from records.clients import ClientId
from records.operations import FIRST_PARTY


def client_from(text: str) -> ClientId:
    """The client; raises Failure if the text is not a client."""
    if text == FIRST_PARTY:
        return FIRST_PARTY
    try:
        return ClientId.parse(text)
    except ValueError as problem:
        raise Failure(f"{text!r} names no client: {problem}") from None


Client = Annotated[
    ClientId,
    typer.Argument(parser=client_from, metavar="ISSUER/CLIENT", help="The client: city/portal."),
]
ClientIfAny = Annotated[
    ClientId | None, typer.Argument(parser=client_from, metavar="[ISSUER/CLIENT]", help="Only of this client.")
]
