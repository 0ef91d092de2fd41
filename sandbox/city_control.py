"""Controls a running city from another process: one line of JSON per request and per answer, over loopback.

The permission is the secret in the state folder, which only its owner can read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sandbox.city import CityError, SandboxCity
from sandbox.state_folder import LOOPBACK, StateFolder

NAME = "control"  # of the port and the secret in the state folder
START_TIMEOUT_S = 90.0  # seconds that a caller waits: longer than an agency may take to start


class NoCityError(Exception):
    """No city runs on the state folder; the text is one line for a person."""


@contextlib.asynccontextmanager
async def serve_city_control(city: SandboxCity) -> AsyncIterator[None]:
    """Answer control requests for the city for the length of the block."""
    secret = city.folder.secret(NAME)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                line = await reader.readline()
            writer.write(json.dumps(await _execute(city, secret, line)).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # the client disconnected or sent something else
        finally:
            writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, city.folder.port(NAME))
    try:
        yield
    finally:
        server.close()


async def _execute(city: SandboxCity, secret: str, line: bytes) -> dict[str, Any]:
    request = json.loads(line)
    if not isinstance(request, dict) or not secrets.compare_digest(str(request.get("secret")), secret):
        return {"error": "refused"}
    name = str(request.get("agency"))
    try:
        match request.get("verb"):
            case "state":
                pass
            case "stop":
                await city.stop(name)
            case "start":
                await city.start(name)
            case other:
                return {"error": f"{other!r} is not a request: state, stop or start"}
    except CityError as problem:
        return {"error": str(problem)}
    return {
        "agencies": [
            {
                "name": agency.name,
                "state": agency.state.value,
                "port": agency.port,
                "control_port": agency.control_port,
                "pid": agency.pid,
            }
            for agency in city.agencies.values()
        ]
    }


def control_city(state: Path, verb: str, agency: str = "") -> list[dict[str, Any]]:
    """Send `stop`, `start` or `state` to the city that runs on the state folder.

    Returns its agencies: name, state, port, control_port, pid. Raises NoCityError, CityError.
    """
    folder = StateFolder(state)
    port, secret = folder.known_port(NAME), folder.known_secret(NAME)
    missing = NoCityError(f"no sandbox city runs on {folder.path}: start it with `make serve`")
    if port is None or secret is None:
        raise missing
    request = json.dumps({"secret": secret, "verb": verb, "agency": agency}).encode() + b"\n"
    try:
        with socket.create_connection((LOOPBACK, port), timeout=START_TIMEOUT_S) as connection:
            connection.sendall(request)
            answer = json.loads(connection.makefile("rb").readline())
    except (OSError, ValueError):
        raise missing from None
    if "error" in answer:
        raise CityError(answer["error"])
    agencies: list[dict[str, Any]] = answer["agencies"]
    return agencies
