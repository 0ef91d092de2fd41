"""Probes whether agencies answer, and caches the results for a short time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from secrets import token_hex
from time import monotonic
from typing import Protocol

from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable

_log = logging.getLogger("simpul.agency_probes")


class ProbedConnector(Protocol):
    """A connector with a probe of its agency."""

    async def probe(self, call: Call) -> None:
        """Make the cheapest call that proves that the agency answers. Raises `AgencyFailure`."""


class AgencyProbes:
    """Probes every agency, at most once in `cache_seconds` seconds."""

    def __init__(
        self, connectors: Mapping[str, ProbedConnector], *, cache_seconds: float = 15.0, timeout: float = 2.0
    ) -> None:
        """`timeout` is the limit for one probe, in seconds."""
        self._connectors = dict(connectors)
        self._kept_for = cache_seconds
        self._patience = timeout
        self._known: Mapping[str, AgencyFailure | None] = {}
        self._known_until = 0.0
        self._asking = asyncio.Lock()

    async def probe_all(self) -> Mapping[str, AgencyFailure | None]:
        """Probe all agencies. Maps each agency to its failure, or to None if it answers."""
        async with self._asking:
            if monotonic() >= self._known_until:
                found = await asyncio.gather(*(self._probe(*each) for each in self._connectors.items()))
                self._known = dict(zip(self._connectors, found, strict=True))
                self._known_until = monotonic() + self._kept_for
            return self._known

    async def _probe(self, agency: str, connector: ProbedConnector) -> AgencyFailure | None:
        call = Call(deadline=monotonic() + self._patience, request_id=f"probe-{token_hex(4)}")
        try:
            await connector.probe(call)
        except AgencyFailure as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - see below
            # A bug in one connector must not hide the state of all other agencies.
            seen = type(error).__qualname__
            _log.error("The probe of agency %s failed in an unexpected way: %s", agency, seen, extra={"agency": agency})
            return AgencyUnavailable(agency, seen)
        return None
