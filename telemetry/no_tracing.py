"""Tracing of a hub without a collector. It loads nothing of OpenTelemetry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class NoTracing:
    """Traces nothing, for hubs without a collector."""

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Open nothing."""
        yield

    def start_client_span(self, name: str) -> None:
        """Start no span."""
