"""Equal questions of the same moment are run once; what belongs to one caller is never another's answer."""

import asyncio

from tests.journeys.hub import HubClient, RunningCity

PRICES = 'query Shared { markets(search: "senen", first: 1) { name prices(search: "beras") { price } } }'
MINE = "query Mine { me { name taxObjects { nop } } }"


async def seen_before(hub: HubClient, query: str, caller: str | None = None) -> None:
    """Ask once: only documents that were seen before run by a plan."""
    await hub.ask(query, caller=caller)


async def test_equal_public_questions_of_the_same_moment_ask_the_agency_once(hub: HubClient, city: RunningCity) -> None:
    await seen_before(hub, PRICES)
    city.agencies["pangan"].set_latency(200, 200)
    city.reset_calls()

    try:
        answers = await asyncio.gather(*(hub.ask(PRICES) for _ in range(20)))
    finally:
        city.agencies["pangan"].set_latency(0, 0)

    assert {str(answer.body) for answer in answers} == {str(answers[0].body)}
    assert answers[0].data["markets"][0]["name"] == "Pasar Senen Blok III - VI"
    assert city.calls() == {"pangan": 2}


async def test_two_citizens_who_ask_the_same_question_at_the_same_moment_each_get_their_own_answer(
    hub: HubClient, city: RunningCity
) -> None:
    await seen_before(hub, MINE, "dewi")
    city.agencies["pbb"].set_latency(200, 200)
    city.reset_calls()

    try:
        siti, dewi, siti_again, nobody = await asyncio.gather(
            hub.ask(MINE, caller="siti"),
            hub.ask(MINE, caller="dewi"),
            hub.ask(MINE, caller="siti"),
            hub.ask(MINE),
        )
    finally:
        city.agencies["pbb"].set_latency(0, 0)

    assert siti.data["me"]["name"] == "Siti Rahmawati"
    assert dewi.data["me"]["name"] == "Dewi Lestari"
    assert len(siti.data["me"]["taxObjects"]) == 2
    assert len(dewi.data["me"]["taxObjects"]) == 1
    assert siti_again.body == siti.body
    assert nobody.data is None
    assert nobody.errors == [("", "FORBIDDEN")]
    assert city.calls() == {"dukcapil": 2, "pbb": 2}


async def test_a_leader_that_goes_away_costs_its_followers_nothing(hub: HubClient, city: RunningCity) -> None:
    await seen_before(hub, PRICES)
    pangan = city.agencies["pangan"]
    with pangan.in_mode("slow"):
        city.reset_calls()
        leader = asyncio.create_task(hub.ask(PRICES))
        while not pangan.count_calls():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.02)
        follower = asyncio.create_task(hub.ask(PRICES))
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)

    assert (await follower).data["markets"][0]["name"] == "Pasar Senen Blok III - VI"


async def test_a_developer_gets_the_plan_beside_the_answer(hub: HubClient) -> None:
    body = {"query": "{ me { name } }", "extensions": {"explain": True}}

    answer = await hub.post(body, caller="siti")

    assert answer.data == {"me": {"name": "Siti Rahmawati"}}
    identity = {"fields": ["name"], "batch": "person_facets", "agency": "dukcapil", "facets": ["Identity"]}
    assert answer.body["extensions"]["explain"] == {
        "levels": 2,
        "cost": {
            "calls": {"dukcapil": {"expected": 1, "limit": 200}},
            "objects": {"expected": 2, "limit": 50_000},
            "values": {"expected": 2, "limit": 4_000_000},
        },
        "facts": [
            {"batch": "family_cards_of", "agency": "dukcapil"},
            {"batch": "preferences_of", "agency": None},
        ],
        "calls": {"dukcapil": 1},
        "callsPerKey": {},
        "steps": [
            {
                "fields": ["me"],
                "batch": "citizens",
                "agency": None,
                "facets": [],
                "level": 1,
                "maxBatchSize": None,
                "command": None,
                "steps": [{**identity, "level": 2, "maxBatchSize": None, "command": None, "steps": []}],
            }
        ],
    }
