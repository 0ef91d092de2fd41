"""The start options of an agency of the sandbox city, and the error for a failed start."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sandbox.clock import DATA_DAY

AGENCIES = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
"""Every agency of the sandbox city; `sandbox/<name>.py` holds it."""

ISSUER = "issuer"
"""The city's OpenID provider: not an agency, but started and controlled like one (`sandbox/issuer/server.py`)."""

PARTS = (*AGENCIES, ISSUER)
"""All parts of the sandbox city."""

TYPICAL_LATENCY_MS = {
    "dukcapil": (5, 30),
    "jakpreneur": (8, 40),
    "pbb": (600, 1500),
    "crm": (150, 500),
    "pangan": (200, 700),
    ISSUER: (20, 80),
}
"""The defaults of their servers: p50 and p95 in milliseconds."""

LOOPBACK = "127.0.0.1"
"""The only address an agency of the sandbox city listens on."""


class CannotStartError(Exception):
    """An agency cannot start. The message is one line with the cause and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencySpec:
    """The start options of one agency.

    `user` and `secret` are the one credential that it accepts. `state` is the folder of its data, created on demand and
    kept between starts. If `latency` is false, it answers immediately until the control API sets a latency. Its data
    moves to the day `today`.
    """

    name: str
    port: int
    control_port: int
    state: Path
    user: str
    secret: str = field(repr=False)
    latency: bool = True
    today: date = DATA_DAY
