"""Names of agencies, for texts that people read."""

from __future__ import annotations

from typing import Protocol

from records.languages import Language


class AgencyDirectory(Protocol):
    """The names of the agencies. The composition root binds those of the city folder to it."""

    def get_name(self, code: str, language: Language) -> str:
        """The name of an agency, or of the hub; the code if it has none."""
