"""Starts one part of the sandbox city: `python -m sandbox AGENCY --port P --control-port C --state DIR`.

`AGENCY` is one of the agencies, or `issuer`, the OpenID provider. With a city folder in `SANDBOX_CITY` it is the code
of a manifest, whose samples are served.

`SANDBOX_USER` and `SANDBOX_SECRET` hold the credential that it accepts; `SANDBOX_LATENCY=off` turns off its latency.
`SANDBOX_TODAY=2026-12-24` moves its data to that day; without it, they are those of 2026-11-01.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from sandbox.agency import PARTS, AgencySpec, CannotStartError
from sandbox.clock import DATA_DAY, parse_today
from sandbox.programs import UnknownProgramError
from sandbox.stand_ins.sources import CITY_VARIABLE, StandInSource

_LATENCY = {"on": True, "off": False}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the agency until a stop signal; the exit code is 1 if it cannot start."""
    try:
        spec = _parse_spec(arguments, environment)
        spec.state.mkdir(parents=True, exist_ok=True)
        _run(spec, environment.get(CITY_VARIABLE))
    except (CannotStartError, UnknownProgramError) as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - the one line of a failed start
        return 1
    except OSError as error:
        print(f"sandbox: cannot start: {error}", file=sys.stderr)  # noqa: T201 - the one line of a failed start
        return 1
    return 0


def _run(spec: AgencySpec, city: str | None) -> None:
    if city is not None:
        importlib.import_module("sandbox.stand_ins.server").run(spec, StandInSource(Path(city), spec.name))
    elif spec.name in PARTS:
        importlib.import_module(f"sandbox.{spec.name}.server").run(spec)
    else:
        raise CannotStartError(f"'{spec.name}' is no part of the sandbox: choose one of {', '.join(PARTS)}.")


def _parse_spec(arguments: Sequence[str], environment: Mapping[str, str]) -> AgencySpec:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Start one agency of the sandbox city.")
    parser.add_argument("agency", help=f"{', '.join(PARTS)}, or the code of a manifest")
    parser.add_argument("--port", type=int, required=True, help="where the agency speaks its own protocol")
    parser.add_argument("--control-port", type=int, required=True, help="where its control API listens (HTTP)")
    parser.add_argument("--state", type=Path, required=True, help="folder the agency keeps its data in")
    options = parser.parse_args(arguments)
    latency = environment.get("SANDBOX_LATENCY", "on")
    if latency not in _LATENCY:
        raise CannotStartError(f"SANDBOX_LATENCY is {latency!r}; set it to on or off.")
    return AgencySpec(
        name=options.agency,
        port=options.port,
        control_port=options.control_port,
        state=options.state.resolve(),
        user=_require_variable(environment, "SANDBOX_USER"),
        secret=_require_variable(environment, "SANDBOX_SECRET"),
        latency=_LATENCY[latency],
        today=_parse_today(environment.get("SANDBOX_TODAY", DATA_DAY.isoformat())),
    )


def _parse_today(text: str) -> date:
    try:
        return parse_today(text)
    except ValueError as error:
        raise CannotStartError(f"SANDBOX_TODAY: {error}.") from None


def _require_variable(environment: Mapping[str, str], name: str) -> str:
    if not (value := environment.get(name)):
        raise CannotStartError(f"{name} is not set; it is part of the credential the agency accepts.")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
