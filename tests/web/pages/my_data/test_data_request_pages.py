"""The pages on which a person sees, makes and withdraws requests about their own data."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from records.calls.call import Call
from records.hub.data_preferences import DataPreferences
from records.hub.data_requests import (
    DataRequestKind,
    DataRequestPage,
    DataRequestQuery,
    DataRequestRefusal,
    DataRequestState,
)
from records.purposes import Purpose
from schema.tools.holdings import get_holders
from tests.fakes.issuers.loopback_sign_in import SignInBrowser
from tests.fakes.small_hub import build_city_schema
from tests.fakes.small_records import SITI, data_request, restriction
from tests.web.pages.page_text import read_words
from web.pages.my_data.data_request_forms import REQUEST_FORMS
from web.pages.words import load_words

LIST, NEW = "/my-data/requests", "/my-data/requests/new"
CORRECTION = {"field": "Residence.address", "says": "RT salah\r\nsekali", "wanted": "RT 2"}
PAYMENT_AND_EDUCATION = tuple(each for each in Purpose if each.name in {"EDUCATION", "PAYMENT"})


def key_of(text: str) -> str:
    return text.partition('name="key" value="')[2].partition('"')[0]


async def open_form(browser: SignInBrowser, kind: str = "correction") -> dict[str, Any]:
    page = await browser.sign_in(f"{NEW}/{kind}?lang=en")
    return {"form": page.form, "key": key_of(page.text)}


async def test_the_list_shows_state_deadline_and_text(browser: SignInBrowser) -> None:
    text = read_words(await browser.sign_in(f"{LIST}?lang=en"))
    for part in (
        "Correct my data Number HAK-2026-7K3QX9RD State received",
        "Answer due 26 November 2026 at 16:00 WIB (2 days left)",
        "Answered by the population register (Dukcapil) Data Home: address Right value RT 2 Your message RT salah",
        "Withdraw HAK-2026-7K3QX9RD",
    ):
        assert part in text


async def test_all_kinds_of_requests_are_offered(browser: SignInBrowser) -> None:
    page = await browser.sign_in(f"{NEW}?lang=en")
    offered = re.findall(r'href="/my-data/requests/new/(\w+)\?lang=en"', page.text)
    assert offered == ["correction", "erasure", "restriction", "copy", "objection"]
    assert {form.kind for form in REQUEST_FORMS.values()} == set(DataRequestKind.__members__)


@pytest.mark.parametrize(
    ("kind", "fields", "made"),
    [
        (
            "correction",
            CORRECTION,
            {"kind": "CORRECTION", "field": "Residence.address", "says": "RT salah\nsekali", "wanted": "RT 2"},
        ),
        ("erasure", {"says": "Hapus", "agency": "pbb"}, {"kind": "ERASURE", "says": "Hapus", "agency": "pbb"}),
        ("erasure", {"says": "Hapus", "agency": ""}, {"kind": "ERASURE", "says": "Hapus", "agency": None}),
        ("copy", {"says": "", "agency": ""}, {"kind": "ACCESS", "says": None, "agency": None}),
        ("objection", {"says": "Salah"}, {"kind": "OBJECTION", "says": "Salah", "agency": None}),
        ("restriction", {"purposes": ["ALL", "PAYMENT"]}, {"kind": "RESTRICTION", "purposes": (), "says": None}),
        (
            "restriction",
            {"purposes": ["EDUCATION", "PAYMENT"], "says": "Karena"},
            {
                "kind": "RESTRICTION",
                "purposes": PAYMENT_AND_EDUCATION,
                "says": "Karena",
            },
        ),
    ],
)
async def test_a_request_is_made_as_filled_in(
    browser: SignInBrowser, kind: str, fields: dict[str, Any], made: dict[str, Any]
) -> None:
    answer = await browser.post(f"{NEW}/{kind}?lang=en", await open_form(browser, kind) | fields)
    assert (answer.status, answer.location) == (303, f"{LIST}?lang=en&made=HAK-2026-7K3QX9RD")
    (request,) = browser.world.hub.city.filed_requests
    assert request.subject == SITI
    assert {name: request.kind.name if name == "kind" else getattr(request, name) for name in made} == made
    assert "We received your request HAK-2026-7K3QX9RD." in read_words(await browser.get(answer.location))


async def test_a_double_tap_has_one_key_and_a_changed_text_another(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | CORRECTION
    for each in (fields, fields, fields | {"says": "Lain"}):
        assert (await browser.post(f"{NEW}/correction", each)).status == 303
    first, second, changed = (each.key for each in browser.world.hub.city.filed_requests)
    assert first == second != changed
    assert first.startswith(fields["key"])


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"field": "", "says": " ", "wanted": ""}, ["field", "wanted", "says"]),
        ({**CORRECTION, "field": "Citizen.nik"}, ["field"]),
        ({**CORRECTION, "says": "x" * 2001}, ["says"]),
    ],
    ids=["empty", "not offered", "long"],
)
async def test_what_is_wrong_is_beside_its_field_and_the_text_is_kept(
    browser: SignInBrowser, fields: dict[str, str], problems: list[str]
) -> None:
    opened = await open_form(browser)
    page = await browser.post(f"{NEW}/correction?lang=en", opened | fields)
    assert page.status == 422
    assert re.findall(r'id="(\w+)-problem"', page.text) == problems
    assert re.findall(r'<li><a href="#(\w+)">', page.text) == problems
    assert "<title>Please correct: Correct my data" in page.text
    assert key_of(page.text) == opened["key"]
    assert fields["says"].strip() in page.text
    assert browser.world.hub.city.filed_requests == []


async def test_a_session_that_ended_loses_no_text(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | CORRECTION
    browser.world.sessions._sessions.clear()
    kept = await browser.post(f"{NEW}/correction?lang=en", fields)
    assert kept.status == 403
    assert "You are signed out, and nothing was sent" in kept.text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', kept.text))
    assert (hidden["says"], hidden["wanted"], "form" in hidden) == ("RT salah\r\nsekali", "RT 2", False)
    await browser.sign_in("/my-data")
    again = await browser.post(f"{NEW}/correction?lang=en", hidden)
    assert again.status == 422
    assert "You signed in again" in again.text
    assert "RT salah" in again.text
    assert browser.world.hub.city.filed_requests == []
    sent = await browser.post(f"{NEW}/correction?lang=en", hidden | {"form": again.form})
    assert sent.status == 303
    (request,) = browser.world.hub.city.filed_requests
    assert request.key.startswith(fields["key"])


async def test_a_sign_in_that_is_too_long_ago_loses_no_text(browser: SignInBrowser) -> None:
    browser.world.endpoints.identity["auth_time"] = int(time.time()) - 90_000
    form = (await browser.sign_in("/my-data")).form
    page = await browser.post(f"{NEW}/correction?lang=en", CORRECTION | {"form": form, "key": "k"})
    assert page.status == 422
    assert "Please sign in again" in page.text
    assert f'<a href="{NEW}/correction?lang=en" target="_blank"' in page.text
    assert "RT salah" in page.text
    assert browser.world.hub.city.filed_requests == []


async def test_a_form_of_another_site_is_refused(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | CORRECTION
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "", "Sec-Fetch-Site": "cross-site"}, {"Origin": ""}):
        answer = await browser.post(f"{NEW}/correction", fields, **headers)
        assert answer.status == 403
        assert "RT salah" not in answer.text
    assert (await browser.post(f"{NEW}/correction", fields | {"form": "x"})).status == 422
    assert (await browser.post(f"{LIST}/HAK-2026-7K3QX9RD/withdraw", fields | {"form": "x"})).status == 403
    assert (browser.world.hub.city.filed_requests, browser.world.hub.city.withdrawn_requests) == ([], [])


async def test_a_request_is_withdrawn_after_a_confirmation(browser: SignInBrowser) -> None:
    page = await browser.sign_in(f"{LIST}/HAK-2026-7K3QX9RD/withdraw?lang=en")
    assert "Withdraw the request HAK-2026-7K3QX9RD?" in read_words(page)
    assert browser.world.hub.city.withdrawn_requests == []
    answer = await browser.post(f"{LIST}/HAK-2026-7K3QX9RD/withdraw?lang=en", {"form": page.form})
    assert (answer.status, answer.location) == (303, f"{LIST}?lang=en")
    (withdrawn,) = browser.world.hub.city.withdrawn_requests
    assert (withdrawn.number, withdrawn.must_be_restriction) == ("HAK-2026-7K3QX9RD", False)


@pytest.mark.parametrize("number", ["HAK-2026-00000000", "x", "%00"])
async def test_the_number_of_another_person_is_as_unknown(browser: SignInBrowser, number: str) -> None:
    opened = await browser.sign_in(f"{LIST}/HAK-2026-7K3QX9RD/withdraw")
    assert (await browser.get(f"{LIST}/{number}/withdraw")).status == 404
    assert (await browser.post(f"{LIST}/{number}/withdraw", {"form": opened.form})).status == 404
    assert browser.world.hub.city.withdrawn_requests == []


async def test_a_restriction_is_ended_and_a_refusal_explained(
    browser: SignInBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = browser.world.hub.city
    active = data_request(kind=DataRequestKind.RESTRICTION, state=DataRequestState.DONE, number="HAK-2026-22222222")
    refused = data_request(state=DataRequestState.REFUSED, number="HAK-2026-33333333")
    answer = replace(refused.events[0], by="An official", refusal=DataRequestRefusal.DATA_IS_RIGHT, text="Sudah benar.")
    page = DataRequestPage(requests=(active, replace(refused, events=(answer,))), has_more=False)

    async def load_pages(queries: Sequence[DataRequestQuery], _call: Call) -> Any:  # noqa: ANN401 - answers
        return dict.fromkeys(queries, page)

    monkeypatch.setattr(city, "request_pages", load_pages)
    monkeypatch.setitem(city.preferences, SITI, DataPreferences(restrictions=(restriction(),)))
    text = read_words(await browser.sign_in(f"{LIST}?lang=en"))
    assert "Not to be used for All purposes" in text
    assert "Answer Refused: the data was checked and is right. Sudah benar." in text
    assert "End the restriction HAK-2026-22222222" in text
    assert "Withdraw HAK-2026-33333333" not in text
    confirmed = await browser.get(f"{LIST}/HAK-2026-22222222/withdraw")
    assert (await browser.post(f"{LIST}/HAK-2026-22222222/withdraw", {"form": confirmed.form})).status == 303
    assert [each.must_be_restriction for each in city.withdrawn_requests] == [True]
    assert (await browser.get(f"{LIST}/HAK-2026-33333333/withdraw")).status == 404


def test_fields_that_can_be_corrected_are_held_by_an_agency_and_have_words() -> None:
    holders = get_holders(build_city_schema())
    for words in load_words().values():
        named = {f"{type_}.{name}" for type_, fields in words["correctable"].items() for name in fields}
        assert named <= set(holders)
        assert all(words.caption(f"DataRequestRefusal.{each}", "") for each in DataRequestRefusal.__members__)
        for section in ("request_titles", "request_notes"):
            assert set(words[section]) == set(DataRequestKind.__members__)
