"""The pages of one complaint over HTTP: what it shows, what the person may do, and what stays unknown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from records.complaints import ComplaintStatus
from records.hub.commands import CommandProblem, CommandProblemCode
from tests.fakes.issuers.loopback_sign_in import SignInBrowser
from tests.fakes.small_records import PRIVATE, PUBLIC, SITI, complaint
from tests.web.pages.page_text import read_words

RESOLVED = complaint(
    PRIVATE, public=False, reporter=SITI, status=ComplaintStatus.RESOLVED, resolved_at=datetime.now(UTC), rating=None
)


async def find_own(browser: SignInBrowser) -> Sequence[str]:
    """The ids of the private and of the public complaint of the person."""
    page = await browser.sign_in("/my-data?lang=en")
    ids = re.findall(r'href="/complaints/([\w-]+)\?lang=en"', page.text)
    assert len(ids) == 2
    return ids


async def test_a_private_complaint_shows_its_state_and_what_its_reporter_may_do(browser: SignInBrowser) -> None:
    private, _ = await find_own(browser)
    page = await browser.get(f"/complaints/{private}?lang=en")
    text = read_words(page)
    for part in ("Number JK1002", "Who sees it only you and the city", "Text Lubang", "(reporter): Sudah?"):
        assert part in text
    assert re.findall(rf'href="/complaints/{private}/(\w+)', page.text) == ["publish", "comment", "withdraw"]


async def test_a_public_complaint_of_the_person_cannot_be_published_again(browser: SignInBrowser) -> None:
    _, public = await find_own(browser)
    page = await browser.get(f"/complaints/{public}?lang=en")
    assert re.findall(rf'href="/complaints/{public}/(\w+)', page.text) == ["comment", "withdraw"]
    for name in ("publish", "rate", "support"):
        assert (await browser.get(f"/complaints/{public}/{name}")).status == 409


async def test_a_public_complaint_of_another_person_can_be_supported(
    browser: SignInBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, public = await find_own(browser)

    async def list_none(niks: Sequence[Any], _call: Any) -> Any:  # noqa: ANN401 - the fake's signature
        return dict.fromkeys(niks, ())

    monkeypatch.setattr(browser.world.hub.city, "complaints_of", list_none)
    page = await browser.get(f"/complaints/{public}?lang=en")
    assert re.findall(rf'href="/complaints/{public}/(\w+)', page.text) == ["comment", "support"]
    form = (await browser.get(f"/complaints/{public}/support")).form
    answer = await browser.post(f"/complaints/{public}/support?lang=en", {"form": form, "key": "k"})
    assert (answer.status, answer.location) == (303, f"/complaints/{public}?lang=en&done=support")
    (command,) = browser.world.hub.city.accepted_commands
    assert (command.name, command.case, command.subject) == ("support_complaint", PUBLIC, SITI)
    assert "You support this complaint." in read_words(await browser.get(answer.location))


async def test_a_private_complaint_of_another_person_is_as_unknown_as_none(
    browser: SignInBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, _ = await find_own(browser)

    async def list_none(niks: Sequence[Any], _call: Any) -> Any:  # noqa: ANN401 - the fake's signature
        return dict.fromkeys(niks, ())

    form = (await browser.get(f"/complaints/{private}/comment")).form
    monkeypatch.setattr(browser.world.hub.city, "complaints_of", list_none)
    unknown = await browser.get("/complaints/none")
    found = await browser.get(f"/complaints/{private}")
    assert (found.status, unknown.status) == (404, 404)
    assert read_words(found).replace(private, "none") == read_words(unknown)
    assert (await browser.post(f"/complaints/{private}/comment", {"form": form, "text": "x"})).status in {404, 422}
    assert browser.world.hub.city.accepted_commands == []


async def test_a_comment_is_checked_sent_once_and_confirmed(browser: SignInBrowser) -> None:
    private, _ = await find_own(browser)
    path = f"/complaints/{private}/comment?lang=en"
    opened = await browser.get(path)
    key = opened.text.partition('name="key" value="')[2].partition('"')[0]
    empty = await browser.post(path, {"form": opened.form, "key": key, "text": " "})
    assert (empty.status, re.findall(r'id="(\w+)-problem"', empty.text)) == (422, ["text"])
    assert 'tabindex="-1" autofocus' in empty.text
    for _ in range(2):
        sent = await browser.post(path, {"form": opened.form, "key": key, "text": "Sudah <b>?"})
        assert sent.status == 303
    first, second = browser.world.hub.city.accepted_commands
    assert (first.name, first.key, first.payload.text) == ("comment_complaint", second.key, "Sudah <b>?")


async def test_a_publication_shows_everything_first_and_needs_the_confirmation(browser: SignInBrowser) -> None:
    private, _ = await find_own(browser)
    path = f"/complaints/{private}/publish?lang=en"
    page = await browser.get(path)
    assert "Everybody will see exactly this Text Lubang Where Jl. Kebon Sirih" in read_words(page)
    assert browser.world.hub.city.accepted_commands == []
    confirmation = unescape(page.text.partition('name="confirmation" value="')[2].partition('"')[0])
    without = await browser.post(path, {"form": page.form, "key": "k"})
    assert (without.status, browser.world.hub.city.accepted_commands) == (200, [])
    foreign = await browser.post(path, {"form": "x", "key": "k", "confirmation": confirmation})
    assert (foreign.status, browser.world.hub.city.accepted_commands) == (422, [])
    answer = await browser.post(path, {"form": page.form, "key": "k", "confirmation": confirmation})
    assert (answer.status, answer.location) == (303, f"/complaints/{private}?lang=en&done=publish")
    assert [each.name for each in browser.world.hub.city.accepted_commands] == ["publish_complaint"]


async def test_a_resolved_complaint_is_rated(browser: SignInBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    private, _ = await find_own(browser)

    async def list_resolved(niks: Sequence[Any], _call: Any) -> Any:  # noqa: ANN401 - the fake's signature
        return dict.fromkeys(niks, (RESOLVED,))

    monkeypatch.setattr(browser.world.hub.city, "complaints_of", list_resolved)
    path = f"/complaints/{private}/rate"
    form = (await browser.get(path)).form
    for rating in ("", "0", "6", "x"):
        refused = await browser.post(path, {"form": form, "key": "k", "rating": rating})
        assert (refused.status, re.findall(r'id="(\w+)-problem"', refused.text)) == (422, ["rating"])
    assert (await browser.post(path, {"form": form, "key": "k", "rating": "4"})).status == 303
    (command,) = browser.world.hub.city.accepted_commands
    assert (command.name, command.payload.rating) == ("rate_resolution", 4)


async def test_a_problem_of_the_graph_is_shown_and_the_text_is_kept(
    browser: SignInBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, _ = await find_own(browser)
    path = f"/complaints/{private}/withdraw?lang=en"
    form = (await browser.get(path)).form

    async def refuse(wanted: Any, _call: Any) -> Any:  # noqa: ANN401 - the fake's signature
        return dict.fromkeys(wanted, CommandProblem(code=CommandProblemCode.TOO_MANY, field=None))

    monkeypatch.setattr(browser.world.hub.city, "accept", refuse)
    page = await browser.post(path, {"form": form, "key": "k", "reason": "Sudah beres"})
    assert page.status == 422
    assert "Try again tomorrow." in read_words(page)
    assert "Sudah beres" in page.text


async def test_a_session_that_ended_loses_no_text(browser: SignInBrowser) -> None:
    private, _ = await find_own(browser)
    path = f"/complaints/{private}/comment?lang=en"
    form = (await browser.get(path)).form
    browser.world.sessions._sessions.clear()
    kept = await browser.post(path, {"form": form, "key": "k", "text": "Tolong segera"})
    assert (kept.status, 'name="text" value="Tolong segera"' in kept.text) == (403, True)
    assert "Comment Tolong segera" in read_words(kept)
