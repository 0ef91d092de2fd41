"""Measures of the city's services: uses, times, ratings and savings, for everybody."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Rule
from records.service_measures import ServiceMeasure, ServiceMeasures
from resolvers.city_services import city_services
from resolvers.service_measures import service_measures
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes
from schema.types.city_services import CityServiceType
from schema.types.complaint_measures import check_month


@publishes(
    ServiceMeasure,
    rule=Rule.PUBLIC,
    shows=(
        "code",
        "uses",
        "saved_hours",
        "saved_rupiah",
        "median_hours",
        "share_in_time",
        "ratings",
        "average_rating",
    ),
)
class ServiceMeasureType:
    """The published `ServiceMeasure`."""

    service: CityServiceType | None = edge(city_services, key="code", description="The service.")


@publishes(
    ServiceMeasures,
    rule=Rule.PUBLIC,
    shows=("month", "uses", "services", "hidden_services"),
    nested=(ServiceMeasureType,),
)
class ServiceMeasuresType:
    """The published `ServiceMeasures`."""


@adds_to_query
class ServiceMeasureQueries:
    """The root field of measures."""

    @root(service_measures, returns=ServiceMeasuresType | None, rule=Rule.PUBLIC)
    def service_measures(
        month: Annotated[str, strawberry.argument(description="A month that is over, such as `2026-10`.")],
    ) -> str:
        """How often the city's services were used in a month, how fast they were, and what people saved by them.

        Small numbers are left out.
        """
        return check_month(month)
