"""The environment variables by which a hub reaches an agency of the sandbox city."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from sandbox.agency import LOOPBACK


def build_agency_variables(
    agency: str, *, port: int, user: str, secret: str, health: Mapping[str, str]
) -> dict[str, str]:
    """The variables that the manifest of the agency names. `health` is the answer of its control port."""
    name = f"SIMPUL_{agency.upper()}"
    at = f"{LOOPBACK}:{port}"
    login = f"{quote(user, safe='')}:{quote(secret, safe='')}@{at}"
    match agency:
        case "dukcapil":
            return {f"{name}_URL": f"postgresql://{login}/siak"}
        case "jakpreneur" if health.get("engine") == "sqlite":
            return {f"{name}_URL": f"sqlite:///{health['path']}"}
        case "jakpreneur":
            return {f"{name}_URL": f"mysql://{login}/jakpreneur"}
        case "pbb":
            return {
                f"{name}_URL": f"http://{at}/services/pbb",
                f"{name}_USER": user,
                f"{name}_PASSWORD": secret,
            }
        case "crm":
            return {f"{name}_URL": f"http://{at}/open311/v2", f"{name}_KEY": secret}
        case _:
            return {f"{name}_URL": f"http://{at}", f"{name}_KEY": secret}
