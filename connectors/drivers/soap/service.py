"""A SOAP service before its WSDL is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.drivers.http.driver import HttpDriver
from connectors.resilience.call_counters import CallCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapService:
    """A SOAP service over HTTP, with the hub's credentials there. Its connector builds the driver for its WSDL."""

    http: HttpDriver
    """Without a gate: the driver for the WSDL passes it."""
    user: str
    password: str

    @property
    def counts(self) -> CallCounters:
        """The counters of the HTTP driver."""
        return self.http.counts

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""
        return self.http.expiries

    async def close(self) -> None:
        """Close its connections."""
        await self.http.close()
