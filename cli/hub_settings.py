"""From the environment, and the sandbox city where one runs, to the hub's settings."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cli.failure import Failure
from cli.hub_environment import Reach, hub_environment, state_url
from sandbox.agency import AGENCIES, LOOPBACK
from sandbox.state_folder import StateFolder
from settings import Settings


def hub_settings(folder: StateFolder, *, port: int | None = None, sandbox: bool = True) -> Settings:
    """The settings of a hub; with `sandbox` in front of the city of the folder, where there is one.

    What the environment says goes before what the city would say. Raises Failure with what is missing or wrong.
    """
    reaches = _reaches(folder) if sandbox else {}
    told = hub_environment(folder, reaches) if reaches else {}
    if "SIMPUL_ISSUERS" in os.environ:  # the operator's own, among which the city's provider need not be
        told = {name: value for name, value in told.items() if not name.startswith("SIMPUL_SIGN_IN_")}
    if port is not None:
        told |= {"SIMPUL_PORT": str(port), "SIMPUL_STATE_URL": state_url(folder)}
    for name, value in told.items():
        os.environ.setdefault(name, value)
    try:
        return Settings()  # type: ignore[call-arg]  # its values come from the environment
    except ValidationError as problem:
        errors = problem.errors(include_input=False, include_url=False)
    no_city = f"; no sandbox city was ever started on {folder.path}" if sandbox and not reaches else ""
    raise Failure(f"the hub's settings are not complete: {_told(errors)}{no_city}")


def _told(errors: Sequence[ErrorDetails]) -> str:
    """What is wrong with the settings, by the names of their variables."""
    missing = [_variable(error) for error in errors if error["type"] == "missing"]
    wrong = [error for error in errors if error["type"] != "missing"]
    reasons = [
        f"{_variable(error)}: {error['msg']}" if error["loc"] else error["msg"].removeprefix("Value error, ")
        for error in wrong
    ]
    return "; ".join([*reasons, *([f"not set: {', '.join(missing)}"] if missing else [])])


def _variable(error: ErrorDetails) -> str:
    return f"SIMPUL_{'__'.join(str(part) for part in error['loc']).upper()}"


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
