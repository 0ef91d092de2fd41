"""The inbox of a signed-in person and its cases, over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from graphql import parse, validate

from records.calls.call import Call
from records.cases import CaseActor, CaseKind, CaseState
from records.complaints import ComplaintStatus
from records.hub.commands import CommandProblemCode
from records.hub.data_requests import DataRequestPage
from tests.fakes.issuers.loopback_sign_in import SignInBrowser, SignInWorld, run_sign_in_world
from tests.fakes.small_hub import build_city_schema
from tests.fakes.small_records import NOW, PRIVATE, SITI, complaint
from tests.web.pages.page_text import read_words
from web.pages.cases.case_actions import ACTION_PATHS
from web.pages.cases.case_pages import CASES_QUERY, KIND_FILTERS, LOOK_QUERY, OPEN_MUTATION
from web.pages.page_renderer import PAGE_POLICY
from web.pages.words import load_words

LIST = "/cases?lang=en"


@pytest.fixture
async def world() -> AsyncIterator[SignInWorld]:
    """A hub of each test alone, so that nothing is cached or seen."""
    async with run_sign_in_world() as opened:
        opened.consents.requests.clear()
        yield opened


@pytest.fixture
async def browser(world: SignInWorld) -> AsyncIterator[SignInBrowser]:
    async with world.browser() as opened:
        yield opened


def set_complaints(world: SignInWorld, *given: Any) -> None:  # noqa: ANN401 - records
    async def complaints_of(niks: Any, _call: Call) -> Any:  # noqa: ANN401 - answers
        return dict.fromkeys(niks, given)

    world.hub.city.complaints_of = complaints_of  # type: ignore[method-assign]


def list_links(text: str) -> list[str]:
    return re.findall(r'<h2 id="case-\d+"><a href="(/cases/[^"?]+)', text)


async def open_first(browser: SignInBrowser, kind: str) -> str:
    """The address of the first case of a kind."""
    page = await browser.sign_in(f"{LIST}&kind={kind}")
    return f"{list_links(page.text)[0]}?lang=en"


async def test_the_list_says_what_who_and_until_when(browser: SignInBrowser) -> None:
    page = await browser.sign_in(LIST)
    text = read_words(page)
    assert (page.status, page.headers["Content-Security-Policy"], page.headers["Cache-Control"]) == (
        200,
        PAGE_POLICY,
        "no-store",
    )
    assert "<title>My cases (3 new)" in page.text
    for part in (
        "Request about my data · with the agency · New Correct data about you: dukcapil (en)",
        "Next: dukcapil (en): Answer your request",
        "Changed on 23 November 2026 at 16:00 WIB",
        "Complaint · on its way · New Complaint: Jalan Next: hub (en): Deliver it to the complaint system",
    ):
        assert part in text


async def test_the_page_in_indonesian_has_no_english(browser: SignInBrowser) -> None:
    text = read_words(await browser.sign_in("/cases"))
    for part in (
        "Urusan saya",
        "Permintaan tentang data saya · di instansi · Baru Perbaikan data tentang Anda: dukcapil (id)",
        "Selanjutnya: hub (id): Menyampaikannya ke sistem pengaduan",
        "Berubah pada 23 November 2026 pukul 16.00 WIB",
    ):
        assert part in text


async def test_an_opened_case_is_seen_and_the_others_are_not(browser: SignInBrowser) -> None:
    address = await open_first(browser, "complaint")
    assert browser.world.hub.city.case_marks == {}
    page = await browser.get(address)
    assert (page.status, [each.kind for each in browser.world.hub.city.case_marks]) == (200, [CaseKind.COMPLAINT])
    text = read_words(await browser.get(LIST))
    assert (text.count("· New"), "(2 new)" in text) == (2, True)
    unseen = await browser.get(f"{LIST}&state=unseen")
    assert address.partition("?")[0] not in list_links(unseen.text)


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
async def test_a_page_that_is_loaded_in_advance_marks_nothing(browser: SignInBrowser, headers: dict[str, str]) -> None:
    address = await open_first(browser, "complaint")
    page = await browser.get(address, **headers)
    assert (page.status, browser.world.hub.city.case_marks) == (200, {})
    async with browser.http.head(address) as response:
        assert (response.status, browser.world.hub.city.case_marks) == (200, {})


async def test_a_case_shows_its_history_and_why_something_is_not_possible(
    browser: SignInBrowser, world: SignInWorld
) -> None:
    resolved = complaint(
        PRIVATE, public=False, reporter=SITI, delivery=None, status=ComplaintStatus.RESOLVED, resolved_at=NOW
    )
    set_complaints(world, resolved)
    world.hub.city.offered_commands = frozenset({"publish_complaint", "withdraw_complaint", "rate_resolution"})
    page = await browser.get(await open_first(browser, "complaint"))
    text = read_words(page)
    assert "23 November 2026 at 16:00 WIB, Kelurahan Received: Diterima" in text
    for name, code in (
        ("Add a comment", CommandProblemCode.NOT_OFFERED),
        ("Rate the result", CommandProblemCode.ALREADY_DONE),
        ("Withdraw the complaint", CommandProblemCode.NOT_OPEN),
    ):
        assert f"{name}: not possible now. {code.description}" in text
    assert re.findall(r'class="button" href="(/complaints/[^/]+/\w+)\?lang=en">([^<]+)', page.text) == [
        (f"/complaints/{page.text.partition('/complaints/')[2].partition('/')[0]}/publish", "Make it public")
    ]


async def test_a_data_request_leads_to_its_withdrawal(browser: SignInBrowser) -> None:
    page = await browser.get(await open_first(browser, "data-request"))
    assert 'href="/my-data/requests/HAK-2026-7K3QX9RD/withdraw?lang=en">Withdraw the request</a>' in page.text


async def test_a_request_for_consent_has_one_link_to_its_page() -> None:
    async with run_sign_in_world() as asked, asked.browser() as opened:
        page = await opened.get(await open_first(opened, "consent"))
        (request,) = asked.consents.requests
        assert page.text.count(f'href="/consent/{request}?lang=en">Answer the request</a>') == 1
        assert "Kredit &lt;Nusantara&gt; &amp; Rekan asks for your consent" in page.text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("&kind=complaint", 2),
        ("&kind=data-request&state=open", 1),
        ("&kind=consent", 0),
        ("&state=closed", 0),
    ],
)
async def test_filters_are_plain_links(browser: SignInBrowser, query: str, count: int) -> None:
    page = await browser.sign_in(f"{LIST}{query}")
    assert len(list_links(page.text)) == count
    assert ("No cases match." in page.text) is (count == 0)
    assert page.text.count('aria-current="true"') == 2
    for value in KIND_FILTERS:
        assert f"kind={value}" in page.text or value in {"all", query.partition("kind=")[2].partition("&")[0]}


@pytest.mark.parametrize("query", ["kind=x", "state=x", "after=%00", "after=é"])
async def test_a_filter_that_is_not_offered_is_no_page(browser: SignInBrowser, query: str) -> None:
    assert (await browser.sign_in(f"{LIST}&{query}")).status == 404


async def test_an_empty_inbox_says_so(
    browser: SignInBrowser, world: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_pages(queries: Any, _call: Call) -> Any:  # noqa: ANN401 - answers
        return dict.fromkeys(queries, DataRequestPage(requests=(), has_more=False))

    set_complaints(world)

    monkeypatch.setattr(world.hub.city, "request_pages", no_pages)
    text = read_words(await browser.sign_in(LIST))
    assert "You have no cases with the city." in text
    assert "· New" not in text


async def test_an_agency_that_is_down_is_named_and_the_rest_is_shown(
    browser: SignInBrowser, world: SignInWorld
) -> None:
    world.hub.city.failing_agencies.add("crm")
    page = await browser.sign_in(LIST)
    assert len(list_links(page.text)) == 1
    text = read_words(page)
    assert "Not all cases are shown: no answer from" in text
    assert "Your cases there are not lost." in text


async def test_two_hundred_cases_are_read_page_by_page(browser: SignInBrowser, world: SignInWorld) -> None:
    long = "Lampu" + "jalan" * 30
    first = complaint(PRIVATE, public=False, reporter=SITI, category_name=long)
    set_complaints(world, *(replace(first, id=f"C-{each:03}") for each in range(199)))
    seen: list[str] = []
    page = await browser.sign_in(LIST)
    while True:
        assert f"Complaint: {long}" in page.text or len(list_links(page.text)) < 20
        seen += list_links(page.text)
        older = re.search(r'<a href="([^"]+)">Older</a>', page.text)
        if older is None:
            break
        page = await browser.get(older[1].replace("&amp;", "&"))
        assert 'href="/cases?lang=en">Newest</a>' in page.text
    assert (len(seen), len(set(seen))) == (200, 200)


async def test_what_is_no_case_of_the_person_is_not_found(browser: SignInBrowser) -> None:
    address = await open_first(browser, "complaint")
    for wrong in ("/cases/x", "/cases/%00", f"{address.partition('?')[0][:-4]}AAAA"):
        page = await browser.get(f"{wrong}?lang=en")
        assert (page.status, "We do not find this case" in page.text) == (404, True)


async def test_a_case_of_another_person_is_not_found(browser: SignInBrowser, world: SignInWorld) -> None:
    address = await open_first(browser, "complaint")
    world.endpoints.access["nik"] = "3171010101800002"
    async with world.browser() as other:
        page = await other.sign_in(address)
    assert (page.status, "Jalan" in page.text, world.hub.city.case_marks) == (404, False, {})


async def test_a_visitor_signs_in_first(browser: SignInBrowser) -> None:
    for path in ("/cases", "/cases/x"):
        assert (await browser.get(path)).status == 303


def test_every_value_of_the_graph_has_its_word_and_every_document_is_valid() -> None:
    schema = build_city_schema()
    for document in (CASES_QUERY, OPEN_MUTATION, LOOK_QUERY):
        assert validate(schema, parse(document)) == []
    for words in load_words().values():
        assert all(words.caption(f"CaseKind.{each}", "") for each in CaseKind.__members__)
        assert all(words.caption(f"CaseState.{each}", "") for each in CaseState.__members__)
        assert set(words["case_actions"]) == set(ACTION_PATHS)
        assert set(words["cases"]["kinds"]) == set(KIND_FILTERS)
        assert len(words["clocks"]["weekdays"]) == 7
    assert set(CaseActor.__members__) == {"YOU", "AGENCY", "HUB"}
