"""Settings of logs and traces."""

from __future__ import annotations

from pydantic import Field

from settings.serving import ServingSettings
from settings.value_types import Addresses
from telemetry.log_format import LogFormat


class TelemetrySettings(ServingSettings):
    """Logs and traces."""

    log_format: LogFormat | None = Field(
        None, description="Format of logs: `json` or `text`; `text` in development, else `json`."
    )
    traces_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#@]+$",
        description="Where traces are sent (OTLP over HTTP), such as `http://127.0.0.1:4318/v1/traces`; else nowhere.",
    )
    traces_sample_ratio: float = Field(
        0.01, ge=0, le=1, description="Share of requests that are traced: 1 is all, 0 only those of trusted callers."
    )
    traces_trusted_callers: Addresses = Field(
        (), description="IP addresses of callers whose trace context is continued, space-separated (traces.md)."
    )

    @property
    def effective_log_format(self) -> LogFormat:
        """The format of logs, with its default."""
        if self.log_format is not None:
            return self.log_format
        return LogFormat.TEXT if self.development else LogFormat.JSON
