"""The settings of a hub that stands in front of the sandbox city, as environment variables."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cli.place import ROOT
from cli.sample_callers import public_keys
from cli.sandbox_issuers import NAME, issuers_file
from sandbox.agency import ISSUER, LOOPBACK
from sandbox.issuer_clients import client_secret
from sandbox.samples import SAMPLES
from sandbox.state_folder import StateFolder

SANDBOX_CONTRACTS = ROOT / "sandbox" / "contracts.toml"
SANDBOX_TERMS = ROOT / "sandbox" / "agencies.toml"
STATE_SERVER = "hub-state"  # name of the hub's own database server in the state folder
STATE_DATABASE = "simpul"
_PAGES = "simpul-pages"  # the hub's own pages, as the city's OpenID provider knows them


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach one agency. `health` is what its control port says of it."""

    port: int
    user: str
    secret: str
    health: Mapping[str, str]


def hub_environment(folder: StateFolder, agencies: Mapping[str, Reach]) -> dict[str, str]:
    """One `SIMPUL_...` variable a setting; secrets are made at the first call and kept in the folder."""
    issuers = issuers_file(folder)
    return {
        "SIMPUL_DEVELOPMENT": "true",
        "SIMPUL_SECRET": folder.secret("ids", lambda: base64.b64encode(secrets.token_bytes(32)).decode()),
        "SIMPUL_ISSUER_KEYS": str(public_keys(folder)),
        **({"SIMPUL_ISSUERS": str(issuers)} if issuers is not None else {}),
        **(_sign_in(folder) if issuers is not None else {}),
        "SIMPUL_STATE_URL": state_url(folder),
        "SIMPUL_CONTRACTS": str(SANDBOX_CONTRACTS),
        "SIMPUL_AGENCIES": str(SANDBOX_TERMS),
        "SIMPUL_KNOWN_NIK": SAMPLES["siti"].nik,
        **{name: value for agency, reach in agencies.items() for name, value in _of(agency, reach).items()},
    }


def _sign_in(folder: StateFolder) -> dict[str, str]:
    """How people sign in to the hub's own pages: at the city's provider."""
    secret = folder.known_secret(ISSUER)
    if secret is None:
        return {}
    return {
        "SIMPUL_SIGN_IN_ISSUER": NAME,
        "SIMPUL_SIGN_IN_CLIENT": _PAGES,
        "SIMPUL_SIGN_IN_SECRET": client_secret(_PAGES, secret),
    }


def state_url(folder: StateFolder) -> str:
    """Where the hub's own state is kept."""
    port = folder.known_port(STATE_SERVER) or folder.port(STATE_SERVER)
    secret = folder.secret(STATE_SERVER)
    return f"postgresql://{STATE_DATABASE}:{quote(secret, safe='')}@{LOOPBACK}:{port}/{STATE_DATABASE}"


def _of(agency: str, reach: Reach) -> dict[str, str]:
    name = f"SIMPUL_{agency.upper()}"
    at = f"{LOOPBACK}:{reach.port}"
    login = f"{quote(reach.user, safe='')}:{quote(reach.secret, safe='')}@{at}"
    match agency:
        case "dukcapil":
            return {f"{name}_URL": f"postgresql://{login}/siak"}
        case "jakpreneur" if reach.health.get("engine") == "sqlite":
            return {f"{name}_URL": f"sqlite:///{reach.health['path']}"}
        case "jakpreneur":
            return {f"{name}_URL": f"mysql://{login}/jakpreneur"}
        case "pbb":
            return {
                f"{name}_URL": f"http://{at}/services/pbb",
                f"{name}_USER": reach.user,
                f"{name}_PASSWORD": reach.secret,
            }
        case "crm":
            return {f"{name}_URL": f"http://{at}/open311/v2", f"{name}_KEY": reach.secret}
        case _:
            return {f"{name}_URL": f"http://{at}", f"{name}_KEY": reach.secret}
