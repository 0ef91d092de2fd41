"""The fixed time of the sandbox city's services, which keeps their data the same on every day."""

from datetime import datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesia Time, the zone of Jakarta."""

CITY_NOW = datetime(2026, 11, 1, tzinfo=WIB)
"""The current time of the sandbox city: no bill, complaint or price is newer."""
