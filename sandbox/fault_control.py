"""The relays of several agencies in one process: `python -m sandbox.fault_control --control-port C --relay pbb=P:TO`.

Steered over HTTP: `GET /faults` tells of each relay, `PUT /faults/{agency}` with `{"kind": ..., "chance": ...,
"seconds": ...}` lets something go wrong, `DELETE /faults/{agency}` ends that.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from json import JSONDecodeError

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.agency import CannotStartError
from sandbox.faults import Fault, FaultProxy, Kind, fault_proxy
from sandbox.serving import listen, serving, told_to_stop


def app(proxies: Mapping[str, FaultProxy]) -> Starlette:
    """The HTTP API over the relays."""

    async def read(_: Request) -> JSONResponse:
        return JSONResponse({name: _told(proxy) for name, proxy in proxies.items()})

    async def strike(request: Request) -> JSONResponse:
        proxy = proxies.get(request.path_params["agency"])
        if proxy is None:
            return _wrong(f"{request.path_params['agency']!r} is none of {', '.join(proxies)}.")
        try:
            asked = await request.json()
            fault = Fault(
                kind=Kind(asked["kind"]),
                chance=float(asked.get("chance", 1.0)),
                seconds=float(asked.get("seconds", 1.0)),
            )
        except (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
            return _wrong('a fault is {"kind": text, "chance": number, "seconds": number}.')
        except ValueError as error:
            return _wrong(f"{error}; kinds are {', '.join(Kind)}.")
        await proxy.strike(fault)
        return JSONResponse(_told(proxy))

    async def heal(request: Request) -> JSONResponse:
        proxy = proxies.get(request.path_params["agency"])
        if proxy is None:
            return _wrong(f"{request.path_params['agency']!r} is none of {', '.join(proxies)}.")
        await proxy.heal()
        return JSONResponse(_told(proxy))

    return Starlette(
        routes=[
            Route("/faults", read, methods=["GET"]),
            Route("/faults/{agency}", strike, methods=["PUT"]),
            Route("/faults/{agency}", heal, methods=["DELETE"]),
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Relay until told to stop; the exit code is 1 where a port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.fault_control", description="Relays that spoil.")
    parser.add_argument("--control-port", type=int, required=True, help="where faults are steered (HTTP)")
    parser.add_argument("--relay", type=_relay, action="append", required=True, metavar="AGENCY=PORT:TO")
    asked = parser.parse_args(arguments)
    try:
        asyncio.run(_run(asked.control_port, dict(asked.relay)))
    except CannotStartError as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - the one line of a failed start
        return 1
    return 0


async def _run(control_port: int, relays: Mapping[str, tuple[int, int]]) -> None:
    async with AsyncExitStack() as running:
        proxies = {
            name: await running.enter_async_context(fault_proxy(port=port, to=to))
            for name, (port, to) in relays.items()
        }
        await running.enter_async_context(serving(app(proxies), listen(control_port)))
        await told_to_stop()


def _relay(text: str) -> tuple[str, tuple[int, int]]:
    name, _, ports = text.partition("=")
    port, _, to = ports.partition(":")
    return name, (int(port), int(to))


def _told(proxy: FaultProxy) -> dict[str, object]:
    kind = None if proxy.fault is None else proxy.fault.kind.value
    return {"kind": kind, "struck": proxy.struck, "connections": proxy.connections}


def _wrong(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=400)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
