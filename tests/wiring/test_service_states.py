"""The live state of a service follows from the gate of its agency."""

from __future__ import annotations

from time import monotonic

import pytest

from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry, ClosedEntry
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyUnavailable
from records.city_services import ServiceState
from wiring.hub_domains import get_agency_state


def test_an_agency_that_the_hub_does_not_call_is_unwatched() -> None:
    assert get_agency_state(None) is ServiceState.UNWATCHED


async def test_an_agency_is_available_until_its_breaker_opens_and_limited_while_it_is_probed() -> None:
    gate = Gate(
        "pbb", AgencyTerms(deadline=1.0, max_concurrency=4, breaker=BreakerEntry(failures=2, share=0.1, pause=0.1))
    )
    call = Call(deadline=monotonic() + 10, request_id="r-1")

    async def fail(_call: Call) -> None:
        raise AgencyUnavailable("pbb", "down")

    assert get_agency_state(gate) is ServiceState.AVAILABLE
    for _ in range(2):
        with pytest.raises(AgencyUnavailable):
            await gate.ask(call, fail)
    assert get_agency_state(gate) in {ServiceState.UNAVAILABLE, ServiceState.LIMITED}


async def test_an_agency_in_its_closed_hours_is_closed() -> None:
    gate = Gate(
        "pbb",
        AgencyTerms(
            deadline=1.0,
            max_concurrency=4,
            closed=(ClosedEntry.model_validate({"first_day": "01-01", "last_day": "12-31"}),),
        ),
    )
    assert get_agency_state(gate) is ServiceState.CLOSED
