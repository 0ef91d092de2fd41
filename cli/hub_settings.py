"""Loads the hub's settings from the environment, and from the sandbox city if one runs."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from contextlib import closing

from pydantic import ValidationError

from cli.command_error import CommandError
from cli.sandbox.hub_environment import STATE_SERVER, AgencyEndpoint, build_hub_environment, build_state_url
from sandbox.agency import LOOPBACK
from sandbox.city_control import NoCityError, control_city
from sandbox.stand_ins.sources import find_city, list_served
from sandbox.state_folder import StateFolder
from settings import COMMAND_LINE_VARIABLES, Settings
from settings.error_text import describe_settings_error


def load_hub_settings(folder: StateFolder, *, port: int | None = None, sandbox: bool = True) -> Settings:
    """The settings of a hub; with `sandbox`, for the city of the folder if there is one.

    The environment overrides the city's values. Raises `CommandError` with the missing and invalid settings.
    """
    endpoints = _find_endpoints(folder) if sandbox else {}
    # The database of a sandbox serves the hub of another city, too, as for a trial of a new agency.
    is_other_city = sandbox and "SIMPUL_STATE_URL" not in os.environ and folder.known_port(STATE_SERVER) is not None
    defaults = build_hub_environment(folder, endpoints) if endpoints or is_other_city else {}
    if "SIMPUL_ISSUERS" in os.environ:  # the operator's issuers may not include the city's provider
        defaults = {name: value for name, value in defaults.items() if not name.startswith("SIMPUL_SIGN_IN_")}
    if port is not None:
        os.environ["SIMPUL_LISTEN"] = f"{LOOPBACK}:{port}"
        defaults |= {"SIMPUL_STATE_URL": build_state_url(folder)}
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    try:
        return Settings()  # type: ignore[call-arg]  # its values come from the environment
    except ValidationError as problem:
        no_city = f"; {folder.path} holds no sandbox city" if sandbox and not endpoints else ""
        raise CommandError(f"{describe_settings_error(problem)}{no_city}") from None


def use_running_city(folder: StateFolder) -> bool:
    """Put the settings of the running city into an environment without hub settings; whether this was done."""
    if any(each.upper().startswith("SIMPUL_") for each in os.environ.keys() - COMMAND_LINE_VARIABLES):
        return False
    try:
        control_city(folder.path, "state")
    except NoCityError:
        return False
    os.environ.update(build_hub_environment(folder, _find_endpoints(folder)))
    return True


def build_production_environment(folder: StateFolder, *, port: int) -> Mapping[str, str]:
    """The settings of a production hub for the folder's city, with the city's own database.

    It accepts tokens of the city's OpenID provider only: with the development issuer it would not start.
    """
    environment = build_hub_environment(folder, _find_endpoints(folder))
    del environment["SIMPUL_DEVELOPMENT"], environment["SIMPUL_ISSUER_KEYS"]
    environment["SIMPUL_CITY"] = str(find_city().resolve())
    return environment | {"SIMPUL_LISTEN": f"{LOOPBACK}:{port}", "SIMPUL_PUBLIC_URL": f"http://{LOOPBACK}:{port}"}


def _find_endpoints(folder: StateFolder) -> Mapping[str, AgencyEndpoint]:
    """The endpoint of each agency of the folder's city; empty if no city was ever started."""
    endpoints = {}
    for name in list_served(find_city()):
        port, control_port = folder.known_port(name), folder.known_port(f"{name}.control")
        secret = folder.known_secret(name)
        if port is None or control_port is None or secret is None:
            return {}
        endpoints[name] = AgencyEndpoint(
            port=port, user=f"simpul_{name}", secret=secret, health=_read_health(control_port)
        )
    return endpoints


def _read_health(control_port: int) -> Mapping[str, str]:
    """The health that an agency reports; empty if it is down."""
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, control_port, timeout=5)) as connection:
            connection.request("GET", "/health")
            health: Mapping[str, str] = json.loads(connection.getresponse().read())
            return health
    except (OSError, ValueError, http.client.HTTPException):
        return {}
