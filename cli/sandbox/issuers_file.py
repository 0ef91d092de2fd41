"""Writes the issuers file for a hub in front of the sandbox city: the city's own OpenID provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from auth.caller import CallerKind
from sandbox.agency import ISSUER, LOOPBACK
from sandbox.issuer.clients import CLIENTS
from sandbox.issuer.people import STAFF
from sandbox.state_folder import StateFolder

SANDBOX_ISSUER = "sandbox"
"""Name of the city's provider in the hub."""
_AUDIENCE = "simpul"


def write_issuers_file(folder: StateFolder) -> Path | None:
    """Rewrite the file, because the provider's port may have changed; None if no provider was ever started."""
    port = folder.known_port(ISSUER)
    if port is None:
        return None
    entry = {
        "name": SANDBOX_ISSUER,
        "url": f"http://{LOOPBACK}:{port}",
        "audience": _AUDIENCE,
        "kinds": [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS],
        "agencies": sorted({*_list_agencies()}),
        "clients": {
            each.id: {"kind": each.kind, **({"agency": each.agency} if each.agency is not None else {})}
            for each in CLIENTS.values()
            if each.kind is not None
        },
        "first_party": [client.id for client in CLIENTS.values() if client.person_kinds],
    }
    path = folder.folder("issuer") / "issuers.json"
    path.write_text(json.dumps({"issuer": [entry]}))
    return path


def _list_agencies() -> Iterator[str]:
    yield from (each.agency for each in STAFF if each.agency is not None)
    yield from (each.agency for each in CLIENTS.values() if each.agency is not None)
