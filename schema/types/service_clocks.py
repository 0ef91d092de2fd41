"""The clocks of complaints by the city's service levels."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.service_levels import ServiceClock, ServiceStage
from schema.declarations.publishing import publishes
from schema.declarations.scalars import publish_enum

publish_enum(ServiceStage)


@publishes(ServiceClock, rule=Rule.PUBLIC, shows=("stage", "due_at", "met_at", "breached_by", "time"))
class ServiceClockType:
    """The published `ServiceClock`. It is only within a complaint, whose rule protects it."""
