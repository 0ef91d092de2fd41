"""The hub's settings: environment variables `SIMPUL_...`, checked once at start."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import model_validator

from auth.policy.access_policy import AccessPolicy, parse_purposes
from records.purposes import Purpose
from settings.agencies import AgencySettings
from settings.city.folder import DEFAULT_CITY, CityFolder, find_variables
from settings.people import PeopleSettings
from settings.telemetry import TelemetrySettings

__all__ = ["COMMAND_LINE_VARIABLES", "Settings"]

COMMAND_LINE_VARIABLES = frozenset({"SIMPUL_STATE", "SIMPUL_WITHOUT"})
"""Variables that belong to the command line, not to the hub."""


class Settings(AgencySettings, PeopleSettings, TelemetrySettings):
    """The hub's settings. Immutable; unknown names are refused; secrets are masked when printed."""

    @property
    def policy(self) -> AccessPolicy:
        """Who may state which purpose, and which purposes a restriction cannot stop."""
        return AccessPolicy(
            purposes=parse_purposes(self.purposes) if self.purposes else self.city.city.purposes,
            unrestrictable=frozenset(Purpose[name] for name in self.unrestrictable),
            recent_sign_in_seconds=self.recent_sign_in,
        )

    @property
    def conflicts(self) -> Sequence[str]:
        """Conflicts between settings that are each valid alone, and between settings and manifests."""
        return (*super().conflicts, *self._find_leaked_secrets())

    def _find_leaked_secrets(self) -> Iterator[str]:
        for field, info in type(self).model_fields.items():
            name = f"SIMPUL_{field.upper()}"
            if name in self.city.variables and "SecretStr" in str(info.annotation) and field != "probe_nik":
                yield f"{name} is a secret of the hub, and a manifest would send it to an agency: name another variable"

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        # pydantic ignores case: if a name is spelled in two ways, two readers could use different values.
        city = given.get("city") or DEFAULT_CITY if isinstance(given, dict) else DEFAULT_CITY
        if not isinstance(city, CityFolder) and not Path(city).is_dir():
            return given  # what its manifests name is not known; the city itself is refused
        of_agencies = city.variables if isinstance(city, CityFolder) else find_variables(Path(city))
        known = {f"SIMPUL_{name.upper()}" for name in cls.model_fields} | COMMAND_LINE_VARIABLES | of_agencies
        unknown = sorted(name for name in os.environ if name.upper().startswith("SIMPUL_") and name not in known)
        if unknown:
            name = unknown[0]
            fix = f"Write it in capital letters: {name.upper()}" if name.upper() in known else "Correct its name"
            raise ValueError(f"{name} is not a setting of the hub. {fix} or unset it.")
        return given
