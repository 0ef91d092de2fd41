"""Builds the environment variables of a hub in front of the sandbox city."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cli.sandbox.issuers_file import SANDBOX_ISSUER, write_issuers_file
from cli.sandbox.sample_callers import public_keys_path
from sandbox.agency import ISSUER, LOOPBACK
from sandbox.agency_variables import build_agency_variables
from sandbox.issuer.clients import derive_client_secret
from sandbox.population.samples import SAMPLES
from sandbox.state_folder import StateFolder

STATE_SERVER = "hub-state"  # the hub's own database server, by its name in the state folder
STATE_DATABASE = "simpul"
_PAGES_CLIENT = "simpul-pages"  # client_id of the hub's own pages at the city's OpenID provider


@dataclass(frozen=True, slots=True)
class AgencyEndpoint:
    """How to reach one agency. `health` is the answer of its control port."""

    port: int
    user: str
    secret: str
    health: Mapping[str, str]


def build_hub_environment(folder: StateFolder, agencies: Mapping[str, AgencyEndpoint]) -> dict[str, str]:
    """One `SIMPUL_...` variable per setting; secrets are created at the first call and stored in the folder."""
    issuers = write_issuers_file(folder)
    return {
        "SIMPUL_DEVELOPMENT": "true",
        "SIMPUL_SECRET": folder.secret("ids", lambda: base64.b64encode(secrets.token_bytes(32)).decode()),
        "SIMPUL_ISSUER_KEYS": str(public_keys_path(folder)),
        **({"SIMPUL_ISSUERS": str(issuers)} if issuers is not None else {}),
        **(_build_sign_in_variables(folder) if issuers is not None else {}),
        "SIMPUL_STATE_URL": build_state_url(folder),
        "SIMPUL_SNAPSHOT_FOLDER": str(folder.path / "snapshots"),
        "SIMPUL_PROBE_NIK": SAMPLES["siti"].nik,
        **{
            name: value
            for agency, endpoint in agencies.items()
            for name, value in build_agency_variables(
                agency, port=endpoint.port, user=endpoint.user, secret=endpoint.secret, health=endpoint.health
            ).items()
        },
    }


def _build_sign_in_variables(folder: StateFolder) -> dict[str, str]:
    """Settings for sign-in to the hub's own pages at the city's provider."""
    secret = folder.known_secret(ISSUER)
    if secret is None:
        return {}
    return {
        "SIMPUL_SIGN_IN_ISSUER": SANDBOX_ISSUER,
        "SIMPUL_SIGN_IN_CLIENT": _PAGES_CLIENT,
        "SIMPUL_SIGN_IN_SECRET": derive_client_secret(_PAGES_CLIENT, secret),
    }


def build_state_url(folder: StateFolder) -> str:
    """The address of the hub's own database."""
    port = folder.known_port(STATE_SERVER) or folder.port(STATE_SERVER)
    secret = folder.secret(STATE_SERVER)
    return f"postgresql://{STATE_DATABASE}:{quote(secret, safe='')}@{LOOPBACK}:{port}/{STATE_DATABASE}"
