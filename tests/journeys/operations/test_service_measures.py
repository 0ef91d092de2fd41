"""Uses of the city's services through the whole hub: counted, kept for the month, and published when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auth.policy.children import get_city_date
from auth.tokens.development_issuer import DevelopmentIssuer
from store.database import create_database_engine
from store.usage.service_use_table import ServiceUseKey, ServiceUseTable
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server

THIS_MONTH = datetime.combine(get_city_date().replace(day=1), datetime.min.time(), UTC)
LAST_MONTH = (THIS_MONTH - timedelta(days=1)).replace(day=1)
MEASURES = """
query Measures($month: String!) {
  serviceMeasures(month: $month) {
    month uses hiddenServices
    services { code uses savedHours savedRupiah medianHours shareInTime ratings service { name savedMinutes } }
  }
}
"""


async def test_answered_operations_count_as_uses_of_the_service_that_they_read_and_exports_do_not(
    city: RunningCity, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    # Its own database: the hub of other journeys writes its uses to theirs each half minute.
    with state_server(tmp_path / "state") as state_url:
        settings = build_settings(city, state_url=state_url, issuer=issuer, folder=tmp_path)
        async with running_hub(settings, issuer) as hub:
            for _ in range(3):
                assert (await hub.ask("{ me { name taxObjects { nop } } }", caller="siti")).errors == []
            refused = await hub.ask("{ me { taxObjects { nop } } }")
            assert refused.errors != []
            exported = json.loads(await hub.read_text("/me/export", caller="dewi"))
            assert "taxObjects" in {each["name"] for each in exported["parts"] if each["data"]}
        engine = create_database_engine(state_url)
        try:
            uses = await ServiceUseTable(engine).load([THIS_MONTH])
        finally:
            await engine.dispose()
    assert uses == {ServiceUseKey(THIS_MONTH, "property_tax_bills"): 3}


async def test_everyone_reads_the_services_of_a_month_that_is_over(hub: HubClient, state_url: str) -> None:
    engine = create_database_engine(state_url)
    try:
        await ServiceUseTable(engine).add(
            {
                ServiceUseKey(LAST_MONTH, code): uses
                for code, uses in {
                    "property_tax_bills": 1_200,
                    "submit_complaint": 300,
                    "food_prices": 40,
                    "wifi": 9,
                }.items()
            }
        )
    finally:
        await engine.dispose()
    answer = await hub.post(
        {"query": MEASURES, "variables": {"month": f"{LAST_MONTH:%Y-%m}"}}, headers={"Accept-Language": "en"}
    )
    assert answer.errors == []
    found = answer.data["serviceMeasures"]
    # Nine uses are too few, and the total would tell them if they alone were missing.
    assert (found["uses"], found["hiddenServices"]) == (1_549, 2)
    bills, complaints = found["services"]
    assert bills["service"] == {"name": "Property tax bills", "savedMinutes": 120}
    assert (bills["uses"], bills["savedHours"], bills["savedRupiah"]) == (1_200, 2_400.0, 24_000_000)
    assert (bills["medianHours"], bills["shareInTime"], bills["ratings"]) == (None, None, None)
    assert (complaints["code"], complaints["uses"]) == ("submit_complaint", 300)
    assert complaints["medianHours"] is None or complaints["medianHours"] > 0


async def test_a_month_that_is_not_over_is_refused(hub: HubClient) -> None:
    answer = await hub.ask(MEASURES, {"month": f"{THIS_MONTH:%Y-%m}"})
    assert answer.errors == [("serviceMeasures", "BAD_USER_INPUT")]
