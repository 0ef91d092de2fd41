"""A stand-in of a GTFS feed: the zip of its samples with an ETag, and three real-time feeds of this moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.clock import WIB
from sandbox.control import REFUSED, AgencyControl, AgencyMode
from sandbox.stand_ins.gtfs.realtime import build_alerts, build_trip_updates, build_vehicle_positions, parse_alerts
from sandbox.stand_ins.gtfs.timetable import SampleTimetable
from sandbox.stand_ins.http_credential import HttpCredentialCheck, parse_pairs
from sandbox.stand_ins.sources import StandInSource


class GtfsStandIn:
    """The feed on the agency's port. Raises `CannotStartError` for samples that cannot be served."""

    def __init__(
        self,
        spec: AgencySpec,
        control: AgencyControl,
        source: StandInSource,
        now: Callable[[], datetime] = lambda: datetime.now(WIB),
    ) -> None:
        wire: Any = source.fill_wire(user=spec.user, secret=spec.secret)
        self._credential = HttpCredentialCheck(wire.get("credential", {}))
        self._control = control
        self._now = now
        self._timetable = SampleTimetable(source, spec.today)
        path = source.samples / "alerts.json"
        self._alerts = parse_alerts(path.read_text(encoding="utf-8")) if path.is_file() else ()
        self._etag = f'"{hashlib.sha256(self._timetable.zip).hexdigest()[:32]}"'
        self._modified = formatdate(now().timestamp(), usegmt=True)
        feeds = wire.get("realtime", {})
        self._feeds: dict[str, Callable[[datetime], Any]] = {
            feeds.get("vehicle_positions", ""): lambda at: build_vehicle_positions(self._timetable, at),
            feeds.get("trip_updates", ""): lambda at: build_trip_updates(self._timetable, at),
            feeds.get("alerts", ""): lambda at: build_alerts(self._alerts, at),
        }
        self._zip_path = wire["schedule"]["file"]

    def build_app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        control, path = self._control, request.path_params["path"]
        if control.mode is AgencyMode.REFUSE or not self._credential.is_allowed(
            request, parse_pairs(request.url.query)
        ):
            control.count_call(REFUSED)
            return PlainTextResponse("not allowed", status_code=401)
        await control.begin_call(path)
        if control.mode is AgencyMode.ERROR:
            return PlainTextResponse("internal server error", status_code=500)
        if control.mode is AgencyMode.RUBBISH:
            return PlainTextResponse("<html><body>502 Bad Gateway</body></html>")
        if path == self._zip_path:
            return self._answer_zip(request)
        if path in self._feeds:
            content = self._feeds[path](self._now()).SerializeToString()
            return Response(content, media_type="application/x-protobuf")
        return PlainTextResponse("not found", status_code=404)

    def _answer_zip(self, request: Request) -> Response:
        headers = {"ETag": self._etag, "Last-Modified": self._modified}
        if request.headers.get("If-None-Match") == self._etag:
            return Response(status_code=304, headers=headers)
        return Response(self._timetable.zip, media_type="application/zip", headers=headers)
