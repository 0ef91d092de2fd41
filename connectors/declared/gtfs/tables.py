"""The tables of a manifest for a GTFS feed: its schedule, and its real-time feeds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.service.wire import CredentialTable, ServiceWire
from connectors.declared.tables import Duration, ManifestTable


class GtfsScheduleTable(ManifestTable):
    """Where the schedule is, and when a new one is published."""

    file: str = Field(min_length=1, max_length=500, description="path of the zip below `wire.url`: `files/gtfs.zip`")
    every: Duration = Field(
        default="1 h", validate_default=True, description="how often it is looked at, by its ETag or date"
    )
    max_age: Duration = Field(
        default="60 d", validate_default=True, description="how old it may be before an alert, by its own date"
    )
    max_bytes: int = Field(default=64 * 1024**2, ge=1, le=1024**3, description="bytes of the zip; longer is refused")
    max_unpacked: int = Field(
        default=2 * 1024**3, ge=1, le=16 * 1024**3, description="bytes of all files that are read, after unpacking"
    )
    max_shrink: float = Field(
        default=0.5, ge=0, le=1, description="share of stops that may be missing beside the last good copy"
    )
    max_unreadable: int = Field(
        default=1_000, ge=0, description="rows that may be left out because they break the reference; more are refused"
    )


class GtfsRealtimeTable(ManifestTable):
    """The real-time feeds. Fields of a feed without a path answer `AGENCY_NOT_OFFERED`."""

    url: SecretStr | None = Field(default=None, description="their address, unless it is `wire.url`")
    credential: CredentialTable | None = Field(
        default=None, description="table: what the hub proves itself with there, unless it is `wire.credential`"
    )
    vehicle_positions: str | None = Field(default=None, description="path of the feed of vehicle positions")
    trip_updates: str | None = Field(default=None, description="path of the feed of trip updates")
    alerts: str | None = Field(default=None, description="path of the feed of service alerts")
    fresh: Duration = Field(
        default="15 s", validate_default=True, description="how long a message is used before the next is fetched"
    )
    max_age: Duration = Field(
        default="2 min",
        validate_default=True,
        description="how old the last good message may be, by its own time, if the feed is late, broken or down",
    )


class GtfsWire(ServiceWire):
    """A GTFS feed over HTTP."""

    driver: Literal["gtfs"]
    url: SecretStr = Field(description="address below which the files are, `https://gtfs.contoh.id`")
    schedule: GtfsScheduleTable = Field(description="table: the schedule")
    realtime: GtfsRealtimeTable = Field(default=GtfsRealtimeTable(), description="table: the real-time feeds")

    @property
    def realtime_service(self) -> ServiceWire:
        """The service with the real-time feeds. Another address never gets the credential of this one."""
        given = self.realtime
        if given.url is None:
            return self if given.credential is None else self.model_copy(update={"credential": given.credential})
        return self.model_copy(update={"url": given.url, "credential": given.credential or CredentialTable()})
