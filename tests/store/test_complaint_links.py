"""Links from people to their complaints, stored without a NIK."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.declared.open311.complaints import ComplaintLinks
from records.identifiers import Nik
from store.complaint_links import ComplaintLinkTable

SITI, BUDI, NOBODY = Nik("3171014506900001"), Nik("3171010101800002"), Nik("3171010101800009")
SECRET = b"a secret of thirty-two bytes...."


@pytest.fixture
async def links(migrated: AsyncEngine) -> ComplaintLinkTable:
    return ComplaintLinkTable(migrated, SECRET)


async def test_complaints_are_found_by_their_reporters_in_the_order_they_were_linked(links: ComplaintLinkTable) -> None:
    await links.link(SITI, ["30"])
    await links.link(BUDI, ["20"])
    await links.link(SITI, ["10", "05"])
    assert await links.requests_of([BUDI, SITI, NOBODY]) == {SITI: ["30", "05", "10"], BUDI: ["20"]}


async def test_existing_links_stay_unchanged(links: ComplaintLinkTable) -> None:
    await links.link(SITI, ["1", "2"])
    await links.link(SITI, ["2", "1", "3"])
    assert await links.requests_of([SITI]) == {SITI: ["1", "2", "3"]}


async def test_one_complaint_may_have_several_reporters(links: ComplaintLinkTable) -> None:
    await links.link(SITI, ["1"])
    await links.link(BUDI, ["1"])
    assert await links.requests_of([SITI, BUDI]) == {SITI: ["1"], BUDI: ["1"]}


async def test_concurrent_links_of_the_same_complaint_succeed(links: ComplaintLinkTable) -> None:
    await asyncio.gather(*(links.link(SITI, ["1", "2"]) for _ in range(8)))
    assert await links.requests_of([SITI]) == {SITI: ["1", "2"]}


async def test_empty_links_and_lookups_succeed(links: ComplaintLinkTable) -> None:
    await links.link(SITI, [])
    assert await links.requests_of([]) == {}
    assert await links.requests_of([SITI]) == {}


async def test_the_table_holds_no_nik(links: ComplaintLinkTable, migrated: AsyncEngine) -> None:
    await links.link(SITI, ["1"])
    async with migrated.connect() as connection:
        [row] = (await connection.execute(text("SELECT reporter, request_id FROM complaint_links"))).all()
        written = (await connection.execute(text("SELECT t::text FROM complaint_links t"))).scalar_one()
    assert (len(row.reporter), row.request_id) == (32, "1")
    assert SITI not in written
    assert SITI.encode().hex() not in written


async def test_another_secret_finds_no_links(links: ComplaintLinkTable, migrated: AsyncEngine) -> None:
    await links.link(SITI, ["1"])
    assert await ComplaintLinkTable(migrated, b"another secret of 32 bytes......").requests_of([SITI]) == {}
    assert await ComplaintLinkTable(migrated, SECRET, agency="crm-timur").requests_of([SITI]) == {}


def test_the_table_implements_the_protocol_of_the_complaint_connector(migrated: AsyncEngine) -> None:
    wanted: ComplaintLinks = ComplaintLinkTable(migrated, SECRET)
    assert isinstance(wanted, ComplaintLinkTable)
