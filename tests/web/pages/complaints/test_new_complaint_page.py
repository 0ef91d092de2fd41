"""The form of a new complaint, over HTTP: categories, places, photos, problems and what is never lost or doubled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from auth.caller import Caller, CallerKind
from auth.oidc.page_session import SignedInSession
from records.complaints import ComplaintAnswer
from records.hub.commands import CommandProblem, CommandProblemCode
from records.uploads import UploadedFile
from tests.fakes.issuers.loopback_sign_in import BrowserResponse, SignInBrowser
from tests.fakes.small_records import SITI
from tests.services.photos.sample_photos import build_photo
from tests.web.pages.page_text import read_words
from web.pages.complaints.complaint_form import build_variables, place_problem
from web.pages.complaints.places import ComplaintPlace, find_places
from web.pages.personal_routes import FormSubmission

FORM = "/complaints/new?lang=en&category=C-1"
GOOD = {"description": "Lubang besar", "place": "", "address": "Jl. Kenanga 12"}
Fields = Mapping[str, Any]
START = SignedInSession.start(Caller(kind=CallerKind.CITIZEN, nik=SITI), ends=0)


def key_of(page: BrowserResponse) -> str:
    return page.text.partition('name="key" value="')[2].partition('"')[0]


async def open_form(browser: SignInBrowser) -> dict[str, str]:
    page = await browser.sign_in(FORM)
    assert page.status == 200, page.text
    return {"form": page.form, "key": key_of(page)}


async def post_with_files(browser: SignInBrowser, fields: Fields, **files: bytes) -> BrowserResponse:
    """Send the form as a browser does, with an empty part for each field of a file without a choice."""
    data = aiohttp.FormData()
    for name, value in fields.items():
        data.add_field(name, value, content_type="text/plain")
    for name in ("photo-1", "photo-2"):
        content = files.get(name.replace("-", "_"), b"")
        data.add_field(name, content, filename="a.jpg" if content else "", content_type="image/jpeg")
    headers = {"Origin": browser.world.hub.url}
    async with browser.http.post(FORM, data=data, allow_redirects=False, headers=headers) as response:
        return BrowserResponse(response.status, response.headers, await response.text(), [])


async def test_categories_are_found_by_a_word_and_grouped(browser: SignInBrowser) -> None:
    page = await browser.sign_in("/complaints/new?lang=en&q=lubang")
    text = read_words(page)
    assert "Prasarana (1) Jalan Lubang" in text
    assert 'href="/complaints/new?lang=en&amp;category=C-1"' in page.text
    assert '<input type="search" id="q" name="q" value="lubang"' in page.text


async def test_the_form_says_that_a_complaint_is_private_and_asks_the_questions(browser: SignInBrowser) -> None:
    text = read_words(await browser.sign_in(FORM))
    assert "Complaint: Jalan" in text
    assert "Only you and the city see your complaint." in text
    assert "Which? (optional) One 2 How many? (optional) In metres" in text


@pytest.mark.parametrize("category", ["C-2", "", "%00", "x" * 70])
async def test_an_unknown_category_is_an_unknown_page(browser: SignInBrowser, category: str) -> None:
    await browser.sign_in("/my-data")
    assert (await browser.get(f"/complaints/new?category={category}")).status == 404


async def test_a_complaint_is_submitted_and_its_receipt_shown(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | GOOD | {"place": "31.71.01.1001", "answer-A": ["2", "1"]}
    answer = await browser.post(FORM, fields)
    assert (answer.status, answer.location) == (303, "/complaints/receipts/TT-26-ABCDEFGHJK?lang=en")
    (command,) = browser.world.hub.city.accepted_commands
    assert (command.subject, command.region) == (SITI, "31.71.01.1001")
    complaint = command.payload
    assert (complaint.category_code, complaint.description, complaint.address) == (
        "C-1",
        "Lubang besar",
        "Jl. Kenanga 12",
    )
    assert complaint.answers == (ComplaintAnswer(code="A", values=("2", "1")),)
    assert "We received your complaint Number TT-26-ABCDEFGHJK" in read_words(await browser.get(answer.location))


async def test_a_photo_without_a_text_is_refused_and_must_be_chosen_again(browser: SignInBrowser) -> None:
    answer = await post_with_files(browser, await open_form(browser) | GOOD, photo_1=build_photo())
    assert answer.status == 422
    assert re.findall(r'id="([\w-]+)-problem"', answer.text) == ["photo-1", "alt-1"]
    assert "Jl. Kenanga 12" in answer.text
    assert browser.world.hub.city.accepted_commands == []


def test_problems_of_the_graph_are_placed_beside_the_fields_of_the_form() -> None:
    files = {f"photo-{number}": UploadedFile(digest=f"{number}", content=None) for number in (2, 4)}
    submission = FormSubmission(START, {}, is_confirmed=True, files=files)

    def place(field: str | None) -> list[str]:
        return list(place_problem({"field": field, "message": "Fix it."}, submission))

    assert place_problem({"field": "address", "message": "address: Fix it."}, submission) == {"address": "Fix it."}
    assert place("photos.1.file") == ["photo-4"]
    assert place("photos.0.alternativeText") == ["alt-2"]
    assert place("photos") == ["photo-1"]
    assert place("answers.SIZE") == ["answer-SIZE"]
    assert place("region") == place("point") == ["place"]
    assert place("address") == ["address"]
    assert place(None) == place("categoryCode") == place("answers") == ["description"]


def test_photos_are_sent_with_their_alternative_texts() -> None:
    fields = {"description": ["x"], "key": ["k"], "alt-1": ["unused"], "alt-3": [" Tiang "]}
    file = UploadedFile(digest="d", content=bytearray(b"1"))
    submission = FormSubmission(START, fields, is_confirmed=True, files={"photo-3": file})
    variables = build_variables(submission, "C-1", (), ())
    assert variables["complaint"]["photos"] == [{"file": file, "alternativeText": "Tiang"}]
    other = replace(submission, files={"photo-3": UploadedFile(digest="e", content=None)})
    assert variables["key"] != build_variables(other, "C-1", (), ())["key"]


async def test_a_double_tap_has_one_key_and_a_changed_text_another(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | GOOD
    for each in (fields, fields, fields | {"description": "Lain"}):
        assert (await browser.post(FORM, each)).status == 303
    first, second, changed = (each.key for each in browser.world.hub.city.accepted_commands)
    assert first == second != changed
    assert first.startswith(fields["key"])


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"description": "", "place": "", "address": ""}, ["description", "place"]),
        (GOOD | {"place": "Atlantis"}, ["place"]),
        (GOOD | {"description": "x" * 2001, "address": "y" * 201}, ["description", "address"]),
        (GOOD | {"answer-N": "viele"}, ["answer-N"]),
    ],
    ids=["empty", "place", "long", "answer"],
)
async def test_what_is_wrong_is_beside_its_field_and_the_text_is_kept(
    browser: SignInBrowser, fields: Fields, problems: list[str]
) -> None:
    opened = await open_form(browser)
    page = await browser.post(FORM, {**opened, **fields})
    assert page.status == 422
    assert sorted(re.findall(r'id="([\w-]+)-problem"', page.text)) == sorted(problems)
    assert sorted(re.findall(r'<li><a href="#([\w-]+)">', page.text)) == sorted(problems)
    assert "<title>Please correct: Complaint: Jalan" in page.text
    assert key_of(page) == opened["key"]
    for value in fields.values():
        assert value in page.text
    assert browser.world.hub.city.accepted_commands == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("gambir, gambir", ["1"]),
        ("GAMBIR", ["1", "2"]),
        ("cideng gam", ["2"]),
        ("3", ["3"]),
        ("", []),
        ("Atlantis", []),
    ],
)
def test_a_place_is_found_by_the_words_of_its_name(text: str, codes: list[str]) -> None:
    places = [
        ComplaintPlace("1", "Gambir, Gambir"),
        ComplaintPlace("2", "Cideng, Gambir"),
        ComplaintPlace("3", "Senen, Senen"),
    ]
    assert [each.code for each in find_places(places, text)] == codes


async def test_a_problem_of_the_graph_is_shown_in_the_language_of_the_page(
    browser: SignInBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(wanted: Any, _call: Any) -> Any:  # noqa: ANN401 - the fake's signature
        return dict.fromkeys(wanted, CommandProblem(code=CommandProblemCode.TOO_MANY, field=None))

    fields = await open_form(browser) | GOOD
    monkeypatch.setattr(browser.world.hub.city, "accept", refuse)
    assert "Try again tomorrow." in read_words(await browser.post(FORM, fields))
    assert "besok" in read_words(await browser.post(FORM.replace("en", "id"), fields))


async def test_a_complaint_is_accepted_while_the_complaint_system_is_down(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | GOOD
    browser.world.hub.city.failing_agencies.add("crm")
    try:
        assert (await browser.post(FORM, fields)).status == 303
        assert (await browser.get("/complaints/receipts/TT-26-ABCDEFGHJK")).status == 200
    finally:
        browser.world.hub.city.failing_agencies.clear()
    assert len(browser.world.hub.city.accepted_commands) == 1


async def test_a_session_that_ended_loses_no_text(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | GOOD | {"alt-1": "Lubang"}
    browser.world.sessions._sessions.clear()
    kept = await post_with_files(browser, fields, photo_1=build_photo())
    assert kept.status == 403
    assert "You are signed out, and nothing was sent" in kept.text
    assert "Choose your photos again" in kept.text
    assert 'action="/complaints/new?lang=en&amp;category=C-1"' in kept.text
    hidden = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', kept.text))
    assert (hidden["description"], hidden["key"], "form" in hidden) == ("Lubang besar", fields["key"], False)
    await browser.sign_in("/my-data")
    again = await browser.post(FORM, hidden)
    assert (again.status, key_of(again)) == (422, fields["key"])
    assert "You signed in again" in again.text
    assert browser.world.hub.city.accepted_commands == []
    assert (await browser.post(FORM, hidden | {"form": again.form})).status == 303


async def test_a_form_of_another_site_is_refused(browser: SignInBrowser) -> None:
    fields = await open_form(browser) | GOOD
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "", "Sec-Fetch-Site": "cross-site"}, {"Origin": ""}):
        assert (await browser.post(FORM, fields, **headers)).status == 403
    assert (await browser.post(FORM, fields | {"form": "x"})).status == 422
    assert browser.world.hub.city.accepted_commands == []


@pytest.mark.parametrize("path", ["/complaints/receipts/TT-26-OTHERPERSN", "/complaints/receipts/%00"])
async def test_an_unknown_receipt_is_an_unknown_page(browser: SignInBrowser, path: str) -> None:
    await browser.sign_in("/my-data")
    assert (await browser.get(path)).status == 404
