"""How the hub is seen from outside."""

from __future__ import annotations

from pydantic import Field

from settings.serving import ServingSettings
from settings.value_types import Addresses
from telemetry.log_format import LogFormat


class TelemetrySettings(ServingSettings):
    """Logs and traces."""

    log_format: LogFormat | None = Field(
        None, description="How logs are written: `json` or `text`; `text` in development, else `json`."
    )
    traces_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#@]+$",
        description="Where traces are sent (OTLP over HTTP), such as `http://127.0.0.1:4318/v1/traces`; else nowhere.",
    )
    traces_sample_ratio: float = Field(
        0.01, ge=0, le=1, description="Share of the requests that traces tell of: 1 is all, 0 those of trusted callers."
    )
    traces_trusted_callers: Addresses = Field(
        (), description="IP addresses of callers whose traces are gone on with, space-separated (traces.md)."
    )

    @property
    def effective_log_format(self) -> LogFormat:
        """How logs are written."""
        if self.log_format is not None:
            return self.log_format
        return LogFormat.TEXT if self.development else LogFormat.JSON
