"""The file of issuers that a hub in front of the sandbox city believes: the city's own OpenID provider."""

from __future__ import annotations

import json
from pathlib import Path

from auth.caller import CallerKind
from sandbox.agency import ISSUER, LOOPBACK
from sandbox.issuer_clients import CLIENTS
from sandbox.state_folder import StateFolder

NAME = "sandbox"
"""What the hub calls the city's provider."""
_AUDIENCE = "simpul"


def issuers_file(folder: StateFolder) -> Path | None:
    """The file, written anew: the provider's port may be another; None where no provider was ever started."""
    port = folder.known_port(ISSUER)
    if port is None:
        return None
    entry = {
        "name": NAME,
        "url": f"http://{LOOPBACK}:{port}",
        "audience": _AUDIENCE,
        "kinds": [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS],
        "first_party": [client.id for client in CLIENTS.values() if client.people],
    }
    path = folder.folder("issuer") / "issuers.json"
    path.write_text(json.dumps({"issuer": [entry]}))
    return path
