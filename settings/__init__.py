"""The hub's settings: environment variables `SIMPUL_...`, checked once at start."""

from __future__ import annotations

import os
from typing import Any

from pydantic import model_validator

from settings.agencies import MAX_CONCURRENCY, AgencySettings
from settings.people import PeopleSettings
from settings.telemetry import TelemetrySettings

__all__ = ["COMMAND_LINE_VARIABLES", "MAX_CONCURRENCY", "Settings"]

COMMAND_LINE_VARIABLES = frozenset({"SIMPUL_STATE", "SIMPUL_WITHOUT"})
"""Variables that belong to the command line, not to the hub."""


class Settings(AgencySettings, PeopleSettings, TelemetrySettings):
    """The hub's settings. Immutable; unknown names are refused; secrets are masked when printed."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        # pydantic ignores case: if a name is spelled in two ways, two readers could use different values.
        known = {f"SIMPUL_{name.upper()}" for name in cls.model_fields} | COMMAND_LINE_VARIABLES
        unknown = sorted(name for name in os.environ if name.upper().startswith("SIMPUL_") and name not in known)
        if unknown:
            name = unknown[0]
            fix = f"Write it in capital letters: {name.upper()}" if name.upper() in known else "Correct its name"
            raise ValueError(f"{name} is not a setting of the hub. {fix} or unset it.")
        return given
