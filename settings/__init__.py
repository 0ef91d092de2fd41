"""Everything an operator can set: environment variables `SIMPUL_...`, checked once at start."""

from __future__ import annotations

import os
from typing import Any

from pydantic import model_validator

from settings.agencies import AT_ONCE, AgencySettings
from settings.people import PeopleSettings
from settings.telemetry import TelemetrySettings

__all__ = ["AT_ONCE", "ELSEWHERE", "Settings"]

ELSEWHERE = frozenset({"SIMPUL_STATE", "SIMPUL_WITHOUT"})
"""Variables that belong to the command line, not to the hub."""


class Settings(AgencySettings, PeopleSettings, TelemetrySettings):
    """The hub's settings. Frozen; unknown names are refused; secrets are masked wherever they are printed."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        # pydantic ignores case: with two spellings of one name, another reader could take the other value.
        known = {f"SIMPUL_{name.upper()}" for name in cls.model_fields} | ELSEWHERE
        unknown = sorted(name for name in os.environ if name.upper().startswith("SIMPUL_") and name not in known)
        if unknown:
            name = unknown[0]
            fix = f"Write it in capital letters: {name.upper()}" if name.upper() in known else "Correct its name"
            raise ValueError(f"{name} is no setting of the hub. {fix} or unset it.")
        return given
