"""Whether a reporter is a child, whose words are shown to nobody but the city.

A child may complain, because every child may say what concerns them (UU 35/2014, article 10), and the city handles a
complaint by its legal duty (UU 25/2009). Showing a child's words to everybody is not needed for that. It is processing
of a child's data that needs a parent's consent (UU PDP 27/2022, article 25), which the hub does not have.
"""

from __future__ import annotations

from dataclasses import replace

from auth.policy.children import get_city_date, is_child, is_under_age
from engine.batch import load_answers
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Identity
from resolvers.batch_context import HubBatchContext
from resolvers.population import Population, person_facets


async def is_reporter_a_child(nik: Nik, context: HubBatchContext) -> bool:
    """Whether the person is under 18, by the identity number or by the population register.

    If the register does not answer, the number alone decides: it holds the date of birth.
    """
    today = get_city_date()
    if is_child(nik, today):
        return True
    if not context.agencies.codes.answers(Population, person_facets.domain_read):
        return False
    try:
        found = (await load_answers(person_facets, [nik], replace(context, facets=frozenset({Identity})))).get(nik)
    except AgencyFailure:
        return False
    identity = None if found is None or isinstance(found, AgencyFailure) else found.get(Identity)
    born = identity.birth_date if isinstance(identity, Identity) else None
    return born is not None and is_under_age(born, today)
