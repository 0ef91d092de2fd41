"""`simpul clients` and `simpul secret CLIENT`: the applications that the sandbox city knows, and their tokens."""

from __future__ import annotations

import base64
import http.client
import json
from contextlib import closing
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.table import Table

from cli.failure import Failure
from cli.place import state_folder
from sandbox.agency import ISSUER, LOOPBACK
from sandbox.issuer_clients import CLIENTS, Client, client_secret
from sandbox.state_folder import StateFolder


def add_to(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command("clients")(clients)
    app.command("secret")(secret)


def clients() -> None:
    """List the applications that the city's OpenID provider knows."""
    table = Table("client", "what", "gets tokens by", "scopes", box=None, pad_edge=False)
    for client in CLIENTS.values():
        table.add_row(client.id, client.name, ", ".join(client.grants), " ".join(client.scopes))
    Console().print(table)


def secret(client: Annotated[str, typer.Argument(help="An application: see `simpul clients`.")]) -> None:
    """Print the secret of an application of the sandbox city, alone on one line."""
    known = _known(client)
    if known.public:
        having = ", ".join(each.id for each in CLIENTS.values() if not each.public)
        raise Failure(f"{client} is a public client and has no secret: choose one of {having}")
    typer.echo(client_secret(client, _provider_secret(state_folder())))


def client_token(folder: StateFolder, client: str) -> str:
    """An access token of an application's own, from the OpenID provider that runs on the folder. Raises Failure."""
    known = _known(client)
    if known.kind is None:
        having = ", ".join(each.id for each in CLIENTS.values() if each.kind is not None)
        raise Failure(f"{client} has no token of its own, people sign in to it: choose one of {having}")
    credential = f"{client}:{client_secret(client, _provider_secret(folder))}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(credential.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, folder.known_port(ISSUER), timeout=5)) as connection:
            connection.request("POST", "/token", urlencode({"grant_type": "client_credentials"}), headers)
            answer = json.loads(connection.getresponse().read())
            token: str = answer["access_token"]
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        raise Failure(
            "the city's OpenID provider gave no token: start the city with `make serve`, "
            f"or the provider with `simpul sandbox start {ISSUER}`"
        ) from None
    return token


def _known(client: str) -> Client:
    if client not in CLIENTS:
        raise Failure(f"{client!r} is no application of the sandbox city: choose one of {', '.join(CLIENTS)}")
    return CLIENTS[client]


def _provider_secret(folder: StateFolder) -> str:
    """What the secrets of all applications are made from."""
    found = folder.known_secret(ISSUER)
    if found is None:
        raise Failure(f"no sandbox city was ever started on {folder.path}: start it with `make serve`")
    return found
