"""The moment at which the services of the sandbox city stand still, so that their data are the same on every day."""

from datetime import datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesia Time, the zone of Jakarta."""

CITY_NOW = datetime(2026, 11, 1, tzinfo=WIB)
"""Now, in the sandbox city: no bill, complaint or price is younger."""
