"""What one agency of the sandbox city is started with, and how it says that it cannot start."""

from dataclasses import dataclass, field
from pathlib import Path

AGENCIES = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
"""Every agency of the sandbox city; `sandbox/<name>.py` holds it."""

ISSUER = "issuer"
"""The city's OpenID provider: no agency, but started and steered as they are (`sandbox/issuer/server.py`)."""

PARTS = (*AGENCIES, ISSUER)
"""Everything that makes up the sandbox city."""

LOOPBACK = "127.0.0.1"
"""The only address an agency of the sandbox city listens on."""


class CannotStartError(Exception):
    """An agency cannot start. The message is one line that names the cause and the mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencySpec:
    """One agency as it was asked to start.

    `user` and `secret` are the one credential it accepts; `state` is the folder it keeps its data in (made on
    demand, kept between starts); with `latency` false it answers at once until somebody sets a latency.
    """

    name: str
    port: int
    control_port: int
    state: Path
    user: str
    secret: str = field(repr=False)
    latency: bool = True
