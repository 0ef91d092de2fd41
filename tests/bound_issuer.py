"""An issuer that a hub with settings of production believes: bound to agencies and clients, with a key of its own."""

import json
from pathlib import Path
from typing import Final

from auth.caller import CallerKind
from auth.development import AUDIENCE, NAME, DevelopmentIssuer

URL: Final = "https://issuer.tests.example"
AGENCIES: Final = ("crm", "dinkes", "dukcapil", "jakpreneur", "pangan", "pbb")
CLIENTS: Final = {
    **{name: {"kind": "partner"} for name in ("bank", "kios", "portal")},
    "siak": {"kind": "agency-system", "agency": "dukcapil"},
}


def bound_issuer(folder: Path) -> DevelopmentIssuer:
    """The issuer; its public keys and the entry by which hubs believe it stand in the folder (`issuers.json`)."""
    issuer = DevelopmentIssuer(folder / "issuer.json", url=URL)
    issuer.write_public_keys(folder / "keys.json")
    entry = {
        "name": NAME,
        "url": URL,
        "audience": AUDIENCE,
        "types": ["at+jwt", "JWT"],
        "kinds": [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS],
        "agencies": AGENCIES,
        "clients": CLIENTS,
        "keys": "keys.json",
    }
    (folder / "issuers.json").write_text(json.dumps({"issuer": [entry]}))
    return issuer
