"""Checks of photos that people send."""

from __future__ import annotations

from typing import Protocol

from records.hub.commands import CommandProblemCode
from records.uploads import CheckedPhoto, UploadedFile


class PhotoChecks(Protocol):
    """Checks photos. The composition root binds the hub's own check to it."""

    async def check(self, file: UploadedFile) -> CheckedPhoto | CommandProblemCode:
        """The photo without metadata, or why it is refused."""
