"""How the hub is seen from outside."""

from __future__ import annotations

from pydantic import Field

from settings.given import Addresses
from settings.serving import ServingSettings
from telemetry.log_lines import LogForm


class TelemetrySettings(ServingSettings):
    """Logs and traces."""

    log_form: LogForm | None = Field(
        None, description="How logs are written: `json` or `text`; `text` in development, else `json`."
    )
    traces_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#@]+$",
        description="Where traces are sent (OTLP over HTTP), such as `http://127.0.0.1:4318/v1/traces`; else nowhere.",
    )
    traces_share: float = Field(
        0.01, ge=0, le=1, description="Share of the requests that traces tell of: 1 is all, 0 those of trusted callers."
    )
    traces_trusted: Addresses = Field(
        (), description="IP addresses of callers whose traces are gone on with, space-separated (traces.md)."
    )

    @property
    def logs_as(self) -> LogForm:
        """How logs are written."""
        if self.log_form is not None:
            return self.log_form
        return LogForm.TEXT if self.development else LogForm.JSON
