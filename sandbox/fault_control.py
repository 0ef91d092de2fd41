"""Runs the fault proxies of several agencies: `python -m sandbox.fault_control --control-port C --relay pbb=P:TO`.

Controlled over HTTP: `GET /faults` returns each proxy, `PUT /faults/{agency}` with `{"kind": ..., "chance": ...,
"seconds": ...}` injects a fault, `DELETE /faults/{agency}` clears it.
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
from sandbox.agency_server import listen, serve_app, wait_for_stop_signal
from sandbox.fault_proxy import FaultKind, FaultProxy, WireFault, run_fault_proxy


def build_app(proxies: Mapping[str, FaultProxy]) -> Starlette:
    """The HTTP API over the proxies."""

    async def read(_: Request) -> JSONResponse:
        return JSONResponse({name: _proxy_to_json(proxy) for name, proxy in proxies.items()})

    async def inject(request: Request) -> JSONResponse:
        proxy = proxies.get(request.path_params["agency"])
        if proxy is None:
            return _bad_request(f"{request.path_params['agency']!r} is unknown; agencies are {', '.join(proxies)}.")
        try:
            values = await request.json()
            fault = WireFault(
                kind=FaultKind(values["kind"]),
                chance=float(values.get("chance", 1.0)),
                seconds=float(values.get("seconds", 1.0)),
            )
        except (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
            return _bad_request('a fault is {"kind": text, "chance": number, "seconds": number}.')
        except ValueError as error:
            return _bad_request(f"{error}; kinds are {', '.join(FaultKind)}.")
        await proxy.inject(fault)
        return JSONResponse(_proxy_to_json(proxy))

    async def clear(request: Request) -> JSONResponse:
        proxy = proxies.get(request.path_params["agency"])
        if proxy is None:
            return _bad_request(f"{request.path_params['agency']!r} is unknown; agencies are {', '.join(proxies)}.")
        await proxy.clear()
        return JSONResponse(_proxy_to_json(proxy))

    return Starlette(
        routes=[
            Route("/faults", read, methods=["GET"]),
            Route("/faults/{agency}", inject, methods=["PUT"]),
            Route("/faults/{agency}", clear, methods=["DELETE"]),
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Relay until a stop signal; the exit code is 1 if a port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.fault_control", description="Run the fault proxies.")
    parser.add_argument("--control-port", type=int, required=True, help="port of the control API (HTTP)")
    parser.add_argument("--relay", type=_parse_relay, action="append", required=True, metavar="AGENCY=PORT:TO")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_run(options.control_port, dict(options.relay)))
    except CannotStartError as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - the one line of a failed start
        return 1
    return 0


async def _run(control_port: int, relays: Mapping[str, tuple[int, int]]) -> None:
    async with AsyncExitStack() as running:
        proxies = {
            name: await running.enter_async_context(run_fault_proxy(port=port, to=to))
            for name, (port, to) in relays.items()
        }
        await running.enter_async_context(serve_app(build_app(proxies), listen(control_port)))
        await wait_for_stop_signal()


def _parse_relay(text: str) -> tuple[str, tuple[int, int]]:
    name, _, ports = text.partition("=")
    port, _, to = ports.partition(":")
    return name, (int(port), int(to))


def _proxy_to_json(proxy: FaultProxy) -> dict[str, object]:
    kind = None if proxy.fault is None else proxy.fault.kind.value
    return {"kind": kind, "struck": proxy.faulted_exchanges, "connections": proxy.connections}


def _bad_request(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=400)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
