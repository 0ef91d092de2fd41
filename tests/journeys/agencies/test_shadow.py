"""A new tax office of stage shadow: by a file alone it is asked and compared, and no caller sees it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from auth.tokens.development_issuer import DevelopmentIssuer
from settings.city.folder import examine_city, load_city
from tests.fakes.city import write_city
from tests.journeys.hub import RunningCity, build_settings, build_variables, running_hub
from tests.telemetry.metrics.scraped_metrics import scrape_metrics

QUERY = "{ me { taxObjects { nop address } } }"


def write_city_with_shadow(folder: Path) -> Path:
    """The city with a second manifest of its tax office, as a shadow."""
    city = write_city(folder, terms={})
    office = (city / "agencies" / "pbb.toml").read_text()
    (city / "agencies" / "pajak.toml").write_text(office.replace('stage = "live"', 'stage = "shadow"'))
    return city


async def test_a_shadow_is_asked_after_the_answer_and_its_answers_are_counted(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    loaded = load_city(write_city_with_shadow(tmp_path / "city"), build_variables(city))
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=tmp_path, city=loaded)
    async with running_hub(settings, issuer) as hub:
        city.reset_calls()
        answer = await hub.ask(QUERY, caller="siti")
        assert answer.errors == []
        assert len(answer.data["me"]["taxObjects"]) == 2
        async with asyncio.timeout(10):
            found = await scrape_metrics(hub.url)
            while found("shadow_answers_total", "pajak", "objects_of", "same") != 1:
                found = await scrape_metrics(hub.url)
        assert city.calls() == {"pbb": 2}
        assert "simpul_shadow_differences_total{" not in found.text
        page = " ".join((await hub.read_text("/status?lang=en")).split())
        assert "<dt>Property tax office (PBB)</dt><dd>shadow: called and compared, not shown</dd>" in page
        assert page.count("<dt>Stage</dt><dd>live</dd>") == len(loaded.agencies)
        for each in loaded.manifests.values():
            wire = each.manifest.wire
            for hidden in (wire.url.get_secret_value(), *wire.list_credentials().values()):
                assert hidden not in page


def test_a_shadow_without_the_contract_of_the_live_agency_is_refused(tmp_path: Path) -> None:
    city = write_city_with_shadow(tmp_path)
    path = city / "agencies" / "pajak.toml"
    path.write_text(re.sub('"PERSONAL",\\s*"FINANCE"', '"PERSONAL"', path.read_text()))
    _, problems = examine_city(city)
    assert [each.text for each in problems] == [
        "a shadow is asked for people, as pbb.toml is: its assessment must have the same classes"
    ]


def test_a_shadow_without_a_live_agency_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    city = write_city_with_shadow(tmp_path)
    (city / "agencies" / "pbb.toml").unlink()
    _, problems = examine_city(city)
    assert [(each.path.name, each.place) for each in problems] == [("pajak.toml", "stage")]
