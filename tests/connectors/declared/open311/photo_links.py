"""Links to photos of a server that nobody calls."""

from __future__ import annotations

from connectors.declared.open311.client import Open311Client
from connectors.declared.open311.photos import PhotoLinks
from connectors.declared.open311.tables import Open311Wire
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService

SERVER = "https://crm.example"


def build_photo_links(wire: Open311Wire) -> PhotoLinks:
    service = HttpService(agency="crm", url=f"{SERVER}/open311/v2")
    driver = HttpDriver(service, HttpLimits(deadline=1.0, connections=1, max_bytes=1_000))
    return PhotoLinks(Open311Client(http=driver, wire=wire))
