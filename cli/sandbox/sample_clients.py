"""`simpul clients` and `simpul secret CLIENT`: the applications of the sandbox city, and their tokens."""

from __future__ import annotations

import base64
import http.client
import json
from contextlib import closing
from typing import Annotated
from urllib.parse import urlencode

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder
from sandbox.agency import ISSUER, LOOPBACK
from sandbox.issuer.clients import CLIENTS, RegisteredClient, derive_client_secret
from sandbox.state_folder import StateFolder


def add_commands(app: typer.Typer) -> None:
    """Register the two commands."""
    app.command("clients")(list_clients)
    app.command("secret")(print_secret)


def list_clients(*, as_json: JsonOption = False) -> None:
    """List the applications that the city's OpenID provider knows."""
    rows = [
        {"client": client.id, "what": client.name, "gets_tokens_by": client.grants, "scopes": client.scopes}
        for client in CLIENTS.values()
    ]
    print_rows(rows, as_json=as_json, folds=True)


def print_secret(client: Annotated[str, typer.Argument(help="An application: see `simpul clients`.")]) -> None:
    """Print the secret of an application of the sandbox city, alone on one line."""
    known = _find_client(client)
    if known.public:
        choices = ", ".join(each.id for each in CLIENTS.values() if not each.public)
        raise CommandError(f"{client} is a public client and has no secret: choose one of {choices}")
    typer.echo(derive_client_secret(client, _load_provider_secret(find_state_folder())))


def fetch_client_token(folder: StateFolder, client: str) -> str:
    """Fetch an application's own access token from the running OpenID provider; raises `CommandError`."""
    known = _find_client(client)
    if known.kind is None:
        choices = ", ".join(each.id for each in CLIENTS.values() if each.kind is not None)
        raise CommandError(f"{client} has no own token, because people sign in to it: choose one of {choices}")
    credential = f"{client}:{derive_client_secret(client, _load_provider_secret(folder))}"
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
        raise CommandError(
            "the city's OpenID provider gave no token: start the city with `make serve`, "
            f"or the provider with `simpul sandbox start {ISSUER}`"
        ) from None
    return token


def _find_client(client: str) -> RegisteredClient:
    if client not in CLIENTS:
        raise CommandError(f"{client!r} is not an application of the sandbox city: choose one of {', '.join(CLIENTS)}")
    return CLIENTS[client]


def _load_provider_secret(folder: StateFolder) -> str:
    """The secret from which the secrets of all applications are derived."""
    found = folder.known_secret(ISSUER)
    if found is None:
        raise CommandError(f"{folder.path} holds no sandbox city: start it with `make serve`")
    return found
