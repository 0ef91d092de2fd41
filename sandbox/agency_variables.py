"""The environment variables by which a hub reaches an agency of the sandbox city."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from sandbox.agency import AGENCIES, LOOPBACK
from sandbox.stand_ins.sources import StandInSource, find_city

_PATHS: Mapping[str, str] = {"pbb": "/services/pbb", "crm": "/open311/v2"}
"""Paths of services that do not begin at the root."""


def build_agency_variables(
    agency: str, *, port: int, user: str, secret: str, health: Mapping[str, str]
) -> dict[str, str]:
    """The variables that the manifest of the agency names. `health` is the answer of its control port."""
    source = StandInSource(find_city(), agency)
    if not source.is_readable:
        return {}  # the hub reports it
    if agency not in AGENCIES:
        url = source.build_url(port=port, user=user, secret=secret, folder=health.get("folder", ""))
        return source.build_variables(url, user=user, secret=secret, state=health.get("state", ""))
    at = f"{LOOPBACK}:{port}"
    login = f"{quote(user, safe='')}:{quote(secret, safe='')}@{at}"
    match agency:
        case "dukcapil":
            url = f"postgresql://{login}/siak"
        case "jakpreneur" if health.get("engine") == "sqlite":
            url = f"sqlite:///{health['path']}"
        case "jakpreneur":
            url = f"mysql://{login}/jakpreneur"
        case _:
            url = f"http://{at}{_PATHS.get(agency, '')}"
    return source.build_variables(url, user=user, secret=secret)
