"""Fetches the schedule of a GTFS feed if it changed, and messages of its real-time feeds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

from msgspec import structs

from connectors.declared.gtfs.tables import GtfsWire
from connectors.drivers.gtfs.realtime_messages import FeedMessage
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpRequest
from connectors.resilience.call_counters import CallCounters
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_ETAG, _DATED, _DIGEST = "etag:", "dated:", "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSchedule:
    """A downloaded schedule."""

    content: bytes = field(repr=False)
    dated: datetime
    identity: str
    """Differs if the schedule differs: its ETag, its date, or its digest."""


class GtfsClient:
    """Calls one GTFS feed. Every call passes the gate of its HTTP drivers."""

    def __init__(self, schedule: HttpDriver, realtime: HttpDriver, wire: GtfsWire) -> None:
        """`realtime` parses messages; it can have another address and credential."""
        self.agency = schedule.agency
        self.wire = wire
        self.work = realtime.work
        self._schedule = schedule
        self._realtime = realtime
        self.tasks: set[asyncio.Task[None]] = set()
        """Fetches in the background, which end with the client."""

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._schedule.counts

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credentials expire, in seconds since 1970."""
        return {**self._realtime.expiries, **self._schedule.expiries}

    async def close(self) -> None:
        """End what runs in the background, and close the connections."""
        for each in (running := list(self.tasks)):
            each.cancel()
        if running:
            await asyncio.wait(running)
        await self._schedule.close()
        await self._realtime.close()

    async def fetch_schedule(self, path: str, known: str | None, call: Call) -> FetchedSchedule | None:
        """The schedule; None if it still has the identity `known`. Raises `AgencyFailure`."""
        request = structs.replace(_build_get(path, _build_conditions(known)), accept_status={_NOT_MODIFIED})
        reply = await self._schedule.send(request, call)
        if reply.status == _NOT_MODIFIED and known is not None:
            return None
        if reply.status != _OK:
            raise AgencyRefused(self.agency, f"HTTP {reply.status} for the schedule")
        dated = _parse_http_date(reply.headers.get("Last-Modified", ""))
        return FetchedSchedule(content=reply.body, dated=dated or datetime.now(UTC), identity=_identify(reply, dated))

    async def fetch_message(self, path: str, call: Call) -> FeedMessage:
        """A message of a real-time feed. Raises `AgencyFailure`."""
        return await self._realtime.ask_value(_build_get(path), call, self._read_message)

    def _read_message(self, reply: HttpReply, message: object) -> FeedMessage:
        if reply.status != _OK or not isinstance(message, FeedMessage):
            raise AgencyMalformed(self.agency, f"HTTP {reply.status} for a real-time feed")
        return message


def _build_get(path: str, headers: Mapping[str, str] | None = None) -> HttpRequest:
    """The request for a path, which can have a query: `feed?format=pb`."""
    plain, _, query = path.partition("?")
    return HttpRequest("GET", plain, query=dict(parse_qsl(query)) or None, headers=headers)


def _build_conditions(known: str | None) -> Mapping[str, str] | None:
    if known is not None and known.startswith(_ETAG):
        return {"If-None-Match": known.removeprefix(_ETAG)}
    if known is not None and known.startswith(_DATED):
        moment = datetime.fromisoformat(known.removeprefix(_DATED))
        return {"If-Modified-Since": format_datetime(moment, usegmt=True)}
    return None


def _identify(reply: HttpReply, dated: datetime | None) -> str:
    if etag := reply.headers.get("ETag", "").strip():
        return f"{_ETAG}{etag}"
    return f"{_DIGEST}{sha256(reply.body).hexdigest()}" if dated is None else f"{_DATED}{dated.isoformat()}"


def _parse_http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return None
