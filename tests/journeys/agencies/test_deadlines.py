"""A caller who cannot wait gets what is ready."""

from time import monotonic

import pytest

from tests.journeys.hub import HubClient, RunningCity

ABOUT_ME = "query InAHurry { me { name taxObjects { nop } complaints { number } } }"


@pytest.mark.parametrize("document", ["seen for the first time", "run by its plan"])
async def test_what_is_ready_at_the_callers_deadline_is_answered_and_what_is_late_is_null(
    document: str, hub: HubClient, city: RunningCity
) -> None:
    query = ABOUT_ME.replace("InAHurry", "InAHurry" + document.title().replace(" ", ""))
    if document == "run by its plan":
        await hub.ask(query, caller="siti")
    city.agencies["pbb"].set_latency(20_000, 20_000)
    try:
        began = monotonic()
        answer = await hub.post({"query": query}, caller="siti", headers={"X-Request-Timeout": "3"})
        took = monotonic() - began
    finally:
        city.agencies["pbb"].set_latency(0, 0)

    assert answer.status == 200
    assert answer.data["me"]["name"] == "Siti Rahmawati"
    assert answer.data["me"]["taxObjects"] is None
    assert answer.data["me"]["complaints"] != []
    assert answer.errors == [("me.taxObjects", "AGENCY_TIMEOUT")]
    assert [error["extensions"]["agency"] for error in answer.body["errors"]] == ["pbb"]
    assert 3 <= took < 4.9, "the deadline of the call is 5 s"
