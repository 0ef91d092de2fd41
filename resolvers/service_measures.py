"""Measures of the city's services by month, for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from engine.batch import NEVER_ABSENT, batch, load_answers
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.city_services import NO_SERVICES, CityServiceQuery, ServiceCatalogue
from records.complaint_measures import ComplaintMeasures
from records.service_measures import COMPLAINTS, ServiceMeasures, measure_services
from resolvers.batch_context import HubBatchContext
from resolvers.complaint_measures import complaint_measures
from resolvers.hub.service_uses import NoServiceUses, ServiceUses


@batch(domain=None, absent=NEVER_ABSENT, reads=(complaint_measures,))
async def service_measures(months: Sequence[str], context: HubBatchContext) -> Answers[str, ServiceMeasures]:
    """The services of each month: uses that the hub counted, times and ratings of complaints, and savings.

    A complaint system that does not answer fails the months in which complaints were submitted.
    """
    catalogue = context.agencies.get(ServiceCatalogue, NO_SERVICES)
    services = catalogue.list(CityServiceQuery(first=len(catalogue))).services
    uses, complaints = await asyncio.gather(
        context.agencies.get(ServiceUses, NoServiceUses()).uses_of(months, context.call),
        _load_complaints(months, context),
    )
    answers: dict[str, ServiceMeasures | AgencyFailure] = {}
    for month in months:
        used, measured = uses[month], complaints.get(month)
        if isinstance(used, AgencyFailure):
            answers[month] = used
        elif isinstance(measured, AgencyFailure) and COMPLAINTS in used:
            answers[month] = measured
        else:
            known = measured if isinstance(measured, ComplaintMeasures) else None
            answers[month] = measure_services(month, used, services, known)
    return answers


async def _load_complaints(months: Sequence[str], context: HubBatchContext) -> Mapping[str, Any]:
    if not context.agencies.codes.answers(complaint_measures.domain, complaint_measures.domain_read):
        return {}
    try:
        return await load_answers(complaint_measures, months, context, context.recorder)
    except AgencyFailure as failure:
        return dict.fromkeys(months, failure)
