"""Loads the photos of complaints: from the hub's store before their delivery, from the complaint system afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from records.calls.call import Call
from records.complaint_photos import PhotoKey, StoredPhoto, parse_stored_source


class LinkedPhotos(Protocol):
    """The photos at a complaint system."""

    async def load(self, link: str, call: Call) -> bytes | None:
        """The file behind a link; None if it is gone, or is no photo. Raises `AgencyFailure`."""


class StoredPhotos(Protocol):
    """The photos that wait in the hub."""

    async def load_file(self, photo: StoredPhoto) -> bytes | None:
        """The file; None if it was delivered. Raises `CommandsUnavailable`."""


class ComplaintPhotoFiles:
    """The files of photos."""

    def __init__(self, stored: StoredPhotos, linked: Mapping[str, LinkedPhotos]) -> None:
        """`linked` are the complaint systems with photos, by their code."""
        self._stored = stored
        self._linked = linked

    async def load(self, key: PhotoKey, call: Call) -> bytes | None:
        """The file of a photo; None if it is gone. Raises `AgencyFailure` or `CommandsUnavailable`."""
        place = parse_stored_source(key.source)
        if place is not None:
            return await self._stored.load_file(place)
        agency = self._linked.get(key.agency)
        return None if agency is None else await agency.load(key.source, call)
