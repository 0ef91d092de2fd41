"""`/my-data/reads` groups the reads of a person's data in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from records.clocks import CITY_TIME_ZONE
from records.hub.access_history import AccessReader
from schema.types.access_log import AccessLogEntryType  # noqa: F401 - publishes the enumeration
from services.ledger.entry_text import _SUBJECTS_BY_CITIZEN_FIELD, _SUBJECTS_BY_TYPE
from tests.fakes.issuers.loopback_sign_in import SignInBrowser
from tests.web.pages.page_text import read_words
from web.pages.my_data.reads_page import PERIODS, READER_GROUPS, group_reads
from web.pages.words import load_words

WORDS = load_words({"en": {"pbb": "property tax office (PBB)"}})["en"]


def read(kind: str, at: str = "2026-11-23T09:00:00+00:00", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    empty = {"agency": None, "partner": None, "purpose": None, "sources": [], "fields": ["Citizen.name"]}
    return {"at": at, "readerKind": kind, "requestId": "r-1", **empty, **more}


async def test_a_read_is_shown_with_reader_day_purpose_and_data(browser: SignInBrowser) -> None:
    text = read_words(await browser.sign_in("/my-data/reads?lang=en"))
    assert "An official of the population register (Dukcapil) 1 read. 23 November 2026: verifikasi" in text
    assert "23 November 2026 at 16:00 WIB: identity (from the population register (Dukcapil))" in text


async def test_the_page_in_indonesian(browser: SignInBrowser) -> None:
    text = read_words(await browser.sign_in("/my-data/reads"))
    assert (
        "Petugas Dinas Kependudukan dan Pencatatan Sipil (Dukcapil) 1 kali dibaca. 23 November 2026: verifikasi" in text
    )


async def test_the_chosen_filters_reach_the_graph_and_the_next_page(browser: SignInBrowser) -> None:
    city = browser.world.hub.city
    await browser.sign_in("/my-data/reads")
    city.calls.clear()
    page = await browser.get("/my-data/reads?reader=people&purpose=PAYMENT&period=7&lang=en")
    ((_, _, (query,)),) = [each for each in city.calls if each[1] == "access_pages"]
    today = datetime.now(CITY_TIME_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    assert query.filters.readers == (
        AccessReader.HOUSEHOLD_MEMBER,
        AccessReader.GUARDIAN,
        AccessReader.ASSISTANT,
        AccessReader.CITIZEN,
    )
    assert (query.filters.purpose, query.filters.start) == ("PAYMENT", (today - timedelta(days=6)).astimezone(UTC))
    for kept in ("reader=people&amp;purpose=PAYMENT&amp;period=7&amp;lang=en&amp;after=", "period=7&amp;lang=id"):
        assert kept in page.text
    assert '<option value="people" selected>' in page.text


@pytest.mark.parametrize("query", ["reader=x", "purpose=NONE", "period=-1", "after=%00", "reader="])
async def test_an_unknown_filter_is_an_unknown_page(browser: SignInBrowser, query: str) -> None:
    await browser.sign_in("/my-data/reads")
    assert (await browser.get(f"/my-data/reads?{query}")).status == 404


def test_partners_come_first_by_name_and_yourself_last() -> None:
    entries = [
        read("YOURSELF"),
        read("OFFICIAL", agency="pbb"),
        read("PARTNER", partner="Warung Kita"),
        read("HOUSEHOLD_MEMBER"),
        read("PARTNER", partner="bank <b>"),
        read("PARTNER"),
    ]
    assert [each.name for each in group_reads(entries, WORDS)] == [
        "A partner's application",
        "bank <b>",
        "Warung Kita",
        "A member of your household",
        "An official of the property tax office (PBB)",
        "You",
    ]


def test_reads_of_one_day_and_purpose_are_one_group_with_a_count() -> None:
    entries = [
        read("OFFICIAL", agency="pbb", purpose="PAYMENT"),
        read("OFFICIAL", agency="pbb", fields=["TaxBill.amount", "TaxObject.nop"]),
        read("OFFICIAL", "2026-11-23T08:00:00+00:00", agency="pbb", purpose="PAYMENT"),
        read("OFFICIAL", "2026-11-22T16:59:00+00:00", agency="pbb", purpose="PAYMENT"),
    ]
    (reader,) = group_reads(entries, WORDS)
    assert reader.count == 4
    assert [(each.day, each.purpose, len(each.reads)) for each in reader.groups] == [
        ("23 November 2026", "PAYMENT", 2),
        ("23 November 2026", None, 1),
        ("22 November 2026", "PAYMENT", 1),
    ]
    assert reader.groups[1].reads[0]["things"] == ["property tax"]


def test_every_reader_belongs_to_one_filter_and_has_words() -> None:
    groups = [each for name, group in READER_GROUPS.items() if name != "others" for each in group]
    assert sorted(each.name for each in groups) == sorted(AccessReader.__members__)
    assert set(READER_GROUPS["others"]) == set(AccessReader) - {AccessReader.YOURSELF}
    for words in load_words().values():
        assert set(words["readers"]) == set(AccessReader.__members__)
        assert set(words["reads"]["reader"]) == set(READER_GROUPS)
        assert set(words["reads"]["period"]) == set(PERIODS)
        things = {*_SUBJECTS_BY_TYPE.values(), *_SUBJECTS_BY_CITIZEN_FIELD.values(), "existence in the register"}
        assert set(words["things"]) == things
