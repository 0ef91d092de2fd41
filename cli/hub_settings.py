"""From the environment, and the sandbox city where one runs, to the hub's settings."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from contextlib import closing

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cli.failure import Failure
from cli.hub_environment import Reach, hub_environment
from sandbox.agency import AGENCIES, LOOPBACK
from sandbox.state_folder import StateFolder
from settings import Settings


def hub_settings(folder: StateFolder, *, port: int | None = None, sandbox: bool = True) -> Settings:
    """The settings of a hub; with `sandbox` in front of the city of the folder, where there is one.

    What the environment says goes before what the city would say. Raises Failure with what is missing or wrong.
    """
    reaches = _reaches(folder) if sandbox else {}
    if reaches:
        for name, value in hub_environment(folder, reaches).items():
            os.environ.setdefault(name, value)
    if port is not None:
        os.environ["SIMPUL_PORT"] = str(port)
    try:
        return Settings()  # type: ignore[call-arg]  # its values come from the environment
    except ValidationError as problem:
        wrong = "; ".join(_told(one) for one in problem.errors(include_input=False, include_url=False))
        no_city = f"; no sandbox city was ever started on {folder.path}" if sandbox and not reaches else ""
        raise Failure(f"the hub's settings are not complete: {wrong}{no_city}") from None


def _told(error: ErrorDetails) -> str:
    """One error of a setting, by the name of its variable."""
    where = "__".join(str(part) for part in error["loc"]).upper()
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"SIMPUL_{where} is not set"
    return f"SIMPUL_{where}: {reason}" if where else reason


def _reaches(folder: StateFolder) -> Mapping[str, Reach]:
    """How to reach each agency of the folder's city; empty where no city was ever started."""
    reaches = {}
    for name in AGENCIES:
        port, control_port = folder.known_port(name), folder.known_port(f"{name}.control")
        secret = folder.known_secret(name)
        if port is None or control_port is None or secret is None:
            return {}
        reaches[name] = Reach(port=port, user=f"simpul_{name}", secret=secret, health=_health(control_port))
    return reaches


def _health(control_port: int) -> Mapping[str, str]:
    """What an agency says of itself; nothing when it is down."""
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, control_port, timeout=5)) as connection:
            connection.request("GET", "/health")
            health: Mapping[str, str] = json.loads(connection.getresponse().read())
            return health
    except (OSError, ValueError, http.client.HTTPException):
        return {}
