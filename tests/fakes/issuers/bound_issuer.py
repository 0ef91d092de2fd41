"""An issuer for a hub with production settings: bound to agencies and clients, with its own key."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from auth.caller import STAFF_KINDS, Caller, CallerKind
from auth.tokens.development_issuer import AUDIENCE, LIFETIME, NAME, DevelopmentIssuer
from records.hub.clients import ClientId

URL: Final = "https://issuer.tests.example"
AGENCIES: Final = ("crm", "dinkes", "dukcapil", "jakpreneur", "pangan", "pbb")
CLIENTS: Final = {
    **{name: {"kind": "partner"} for name in ("bank", "kios", "portal")},
    "siak": {"kind": "agency-system", "agency": "dukcapil"},
}


APP: Final = ClientId(NAME, "app")
"""The city's own app, by which people ask whose caller names none."""


class BoundIssuer(DevelopmentIssuer):
    """Signs as the development issuer does, and lets people ask through the city's own app."""

    def sign_token(self, caller: Caller, *, subject: str, lifetime: timedelta = LIFETIME) -> str:
        """A token that proves the caller."""
        if caller.kind in {CallerKind.CITIZEN, *STAFF_KINDS} and caller.client is None:
            caller = replace(caller, client=APP)
        return super().sign_token(caller, subject=subject, lifetime=lifetime)


def build_bound_issuer(folder: Path) -> BoundIssuer:
    """The issuer; its public keys and the entry by which hubs believe it stand in the folder (`issuers.json`)."""
    issuer = BoundIssuer(folder / "issuer.json", url=URL)
    issuer.write_public_keys(folder / "keys.json")
    entry = {
        "name": NAME,
        "url": URL,
        "audience": AUDIENCE,
        "types": ["at+jwt", "JWT"],
        "kinds": [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS],
        "agencies": AGENCIES,
        "clients": CLIENTS,
        "first_party": [APP.name, "siaga-112"],
        "keys": "keys.json",
    }
    (folder / "issuers.json").write_text(json.dumps({"issuer": [entry]}))
    return issuer
