"""Service levels: the clocks of complaints."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.service_levels import ServiceClock
from schema.declarations.publishing import publishes


@publishes(ServiceClock, rule=Rule.PUBLIC, shows=("stage", "due_at", "met_at", "breached_by", "time"))
class ServiceClockType:
    """The published `ServiceClock`. It is only within a complaint, whose rule protects it."""
