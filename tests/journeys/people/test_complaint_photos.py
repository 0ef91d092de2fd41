"""A citizen submits a complaint with photos: they reach the complaint system, and only who may see them sees them."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from records.command_state import CommandState
from records.purposes import Purpose
from store.commands.command_outbox import CommandOutbox, CommandResult
from store.database import create_database_engine
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox_agencies import HOST, RunningAgency, run_agency
from tests.services.photos.sample_photos import BLUE, build_noise, build_photo

SUBMIT = """
mutation Submit($complaint: NewComplaintInput!, $key: String!) {
  submitComplaint(complaint: $complaint, key: $key) {
    ... on CommandReceipt { number state }
    ... on CommandProblem { code field message }
  }
}
"""
RECEIPTS = "{ me { receipts { number state problem } } }"
LAMP = {"categoryCode": "1202", "description": "Lampu jalan mati.", "region": "31.71.01.1001"}
MEDIA = "GET /open311/v2/media/{id}/{number}.jpg"
TEXTS = ("Tiang lampu yang mati", "Jalan yang gelap", "Nomor tiang", "Sebelah kiri", "Sebelah kanan")


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they add to it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm-photos")) as agency:
        yield agency


@pytest.fixture(scope="module")
def photo_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with state_server(tmp_path_factory.mktemp("photos") / "state") as url:
        yield url


@pytest.fixture(scope="module")
async def desk(
    complaint_system: RunningAgency,
    photo_state: str,
    city_snapshots: Path,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    folder = tmp_path_factory.mktemp("photos")
    city = RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots)
    settings = build_settings(city, state_url=photo_state, issuer=issuer, folder=folder, cache_megabytes=16)
    async with running_hub(settings, issuer) as running:
        yield running


async def submit(desk: HubClient, key: str, *photos: bytes, **given: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    wanted = [{"file": None, "alternativeText": text} for text, _ in zip(TEXTS, photos, strict=False)]
    files = {f"variables.complaint.photos.{number}.file": each for number, each in enumerate(photos)}
    variables = {"complaint": LAMP | {"photos": wanted} | given, "key": key}
    answer = await desk.post_with_files(SUBMIT, variables, files, caller="siti")
    assert answer.errors == []
    found: Mapping[str, Any] = answer.data["submitComplaint"]
    return found


async def wait_for_state(desk: HubClient, number: str, state: str) -> None:
    async def has_state() -> bool:
        answer = await desk.ask(RECEIPTS, caller="siti")
        return any((each["number"], each["state"]) == (number, state) for each in answer.data["me"]["receipts"])

    await wait_until_answered(has_state, timeout=60)


async def find_at_agency(agency: RunningAgency, number: str) -> Mapping[str, Any]:
    """The complaint with the hub's number, as the complaint system has it."""
    headers, form = {"X-Api-Key": agency.secret}, {"reference": number, "extensions": "true"}
    url = f"http://{HOST}:{agency.port}/open311/v2/requests/search.json"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=form) as response:
        [found] = await response.json()
        complaint: Mapping[str, Any] = found
        return complaint


async def load_at_agency(agency: RunningAgency, path: str) -> bytes:
    headers = {"X-Api-Key": agency.secret}
    url = f"http://{HOST}:{agency.port}{path}"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
        assert response.status == 200
        return await response.read()


async def test_photos_reach_the_complaint_system_without_metadata(
    desk: HubClient, complaint_system: RunningAgency
) -> None:
    exif = Image.Exif()
    exif[0x0110] = "a phone"
    receipt = await submit(desk, "two", build_photo(exif=exif), build_photo("PNG", 100, 80))
    await wait_for_state(desk, receipt["number"], "DONE")
    found = await find_at_agency(complaint_system, receipt["number"])
    media = found["extended_attributes"]["media"]
    assert [(each["text"], each["width"], each["height"]) for each in media] == [
        (TEXTS[0], 320, 240),
        (TEXTS[1], 100, 80),
    ]
    photo = await load_at_agency(complaint_system, media[0]["url"])
    image = Image.open(io.BytesIO(photo))
    assert image.format == "JPEG"
    assert all(abs(one - other) < 12 for one, other in zip(image.getpixel((40, 40)), BLUE, strict=True))  # type: ignore[arg-type]  # of RGB
    assert b"a phone" not in photo


async def test_the_same_photo_sent_twice_is_one_complaint_and_another_photo_is_a_problem(desk: HubClient) -> None:
    photo = build_photo("JPEG", 64, 48)
    receipts = await asyncio.gather(*(submit(desk, "double", photo) for _ in range(3)))
    assert len({each["number"] for each in receipts}) == 1
    other = await submit(desk, "double", build_photo("JPEG", 48, 64))
    assert (other["code"], other["field"]) == ("KEY_REUSED", "key")


@pytest.mark.parametrize(
    ("photos", "given", "code", "field"),
    [
        ((b"<html>",), {}, "UNSUPPORTED_FILE", "photos.0.file"),
        ((build_photo(), build_noise(300, 300)[:5_000]), {}, "UNREADABLE_FILE", "photos.1.file"),
        ((build_photo(), bytes(13 * 1024 * 1024)), {}, "FILE_TOO_LARGE", "photos.1.file"),
        (
            (build_photo(),),
            {"photos": [{"file": None, "alternativeText": " "}]},
            "INVALID_TEXT",
            "photos.0.alternativeText",
        ),
        ((build_photo(),) * 6, {"photos": [{"file": None, "alternativeText": "x"}] * 6}, "TOO_MANY_VALUES", "photos"),
    ],
    ids=["HTML", "truncated", "too large", "no text", "six"],
)
async def test_a_bad_photo_is_a_problem_that_names_the_field(
    desk: HubClient, photos: tuple[bytes, ...], given: Mapping[str, Any], code: str, field: str
) -> None:
    problem = await submit(desk, f"bad {code} {field}", *photos, description="Foto buruk.", **given)
    assert (problem["code"], problem["field"]) == (code, field)


async def test_a_photo_of_60_mb_is_a_problem_and_not_an_error(desk: HubClient) -> None:
    problem = await submit(desk, "sixty", bytes(60 * 1024 * 1024))
    assert (problem["code"], problem["field"]) == ("FILE_TOO_LARGE", "photos.0.file")


async def test_files_need_a_signed_in_person(desk: HubClient) -> None:
    variables = {"complaint": LAMP | {"photos": [{"file": None, "alternativeText": "x"}]}, "key": "nobody"}
    files = {"variables.complaint.photos.0.file": build_photo()}
    answer = await desk.post_with_files(SUBMIT, variables, files, caller=None)
    assert (answer.status, [code for _, code in answer.errors]) == (401, ["UNAUTHENTICATED"])


MINE = "{ me { complaints { id description photos { url alternativeText width height } } } }"


async def load_mine(desk: HubClient, text: str) -> Mapping[str, Any]:
    answer = await desk.ask(MINE, caller="siti")
    assert answer.errors == []
    [mine] = [each for each in answer.data["me"]["complaints"] if each["description"] == text]
    complaint: Mapping[str, Any] = mine
    return complaint


async def load_photo(desk: HubClient, path: str, caller: str | Caller | None) -> tuple[int, bytes]:
    async with aiohttp.ClientSession(headers=desk.headers(caller)) as session, session.get(f"{desk.url}{path}") as got:
        body = await got.read()
        if got.status == 200:
            assert {name: got.headers[name] for name in SAFE_HEADERS} == SAFE_HEADERS
        return got.status, body


SAFE_HEADERS = {
    "Content-Type": "image/jpeg",
    "Cache-Control": "private, max-age=60",
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": 'inline; filename="photo"',
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def test_the_reporter_sees_the_photos_before_and_after_the_delivery_and_nobody_else_does(
    desk: HubClient, complaint_system: RunningAgency, photo_state: str
) -> None:
    text = "Foto sebelum dan sesudah."
    engine = create_database_engine(photo_state)
    outbox = CommandOutbox(engine, timeout=30)
    complaint_system.kill()
    try:
        receipt = await submit(desk, "seen", build_photo("PNG", 200, 100), description=text)
        await wait_for_state(desk, receipt["number"], "RETRY_WAIT")
        await outbox.park(receipt["number"], by="the test", reason="to look before its delivery")
    finally:
        complaint_system.restart()
    complaint_system.reset_calls()
    waiting = await load_mine(desk, text)
    before = await check_photo(desk, waiting)
    assert MEDIA not in complaint_system.count_calls()
    await outbox.decide(receipt["number"], CommandResult(state=CommandState.RETRY_WAIT), by="the test", reason="looked")
    await wait_for_state(desk, receipt["number"], "DONE")
    assert await outbox.load_files(receipt["number"]) == []
    delivered = await load_mine(desk, text)
    assert delivered["id"] == waiting["id"]
    assert delivered["photos"][0]["url"] != waiting["photos"][0]["url"]
    assert await check_photo(desk, delivered) == before
    assert complaint_system.count_calls()[MEDIA] == 1  # for its reporter, and for nobody else
    await engine.dispose()


async def check_photo(desk: HubClient, complaint: Mapping[str, Any]) -> bytes:
    """The photo of the complaint, which its reporter alone can load."""
    [photo] = complaint["photos"]
    assert (photo["alternativeText"], photo["width"], photo["height"]) == (TEXTS[0], 200, 100)
    for caller in (None, "budi", "official"):
        assert (await load_photo(desk, photo["url"], caller))[0] == 404, caller
    status, content = await load_photo(desk, photo["url"], "siti")
    assert (status, Image.open(io.BytesIO(content)).size) == (200, (200, 100))
    return content


async def test_an_address_of_another_kind_or_a_changed_one_is_not_found(desk: HubClient) -> None:
    answer = await desk.ask(MINE, caller="siti")
    node_id = answer.data["me"]["complaints"][0]["id"]
    for path in (f"/photos/{node_id}", "/photos/x", f"/photos/{'A' * 60}"):
        assert (await load_photo(desk, path, "siti"))[0] == 404


async def test_photos_of_a_published_complaint_are_public_and_their_address_names_nobody(
    desk: HubClient, complaint_system: RunningAgency
) -> None:
    text = "Foto untuk semua orang."
    receipt = await submit(desk, "public", build_photo("PNG", 200, 100), description=text)
    await wait_for_state(desk, receipt["number"], "DONE")
    with closing(sqlite3.connect(complaint_system.state / "submissions.sqlite")) as connection, connection:
        connection.execute("UPDATE submissions SET public = 1 WHERE reference = ?", (receipt["number"],))
    answer = await desk.ask("{ complaints(first: 5) { nodes { description photos { url alternativeText } } } }")
    assert answer.errors == []
    [listed] = [each for each in answer.data["complaints"]["nodes"] if each["description"] == text]
    [photo] = listed["photos"]
    assert photo["alternativeText"] == TEXTS[0]
    assert receipt["number"] not in photo["url"]
    status, content = await load_photo(desk, photo["url"], None)
    assert (status, Image.open(io.BytesIO(content)).size) == (200, (200, 100))


async def test_an_official_sees_the_photo_for_the_handling_of_a_case_only(desk: HubClient) -> None:
    text = "Foto untuk petugas."
    receipt = await submit(desk, "official", build_photo("PNG", 200, 100), description=text)
    await wait_for_state(desk, receipt["number"], "DONE")
    [photo] = (await load_mine(desk, text))["photos"]
    handler = Caller(
        kind=CallerKind.OFFICIAL, agency="crm", purpose=Purpose.COMPLAINT_HANDLING.name, case="CRM/2026/17"
    )
    status, content = await load_photo(desk, photo["url"], handler)
    assert status == 200
    assert Image.open(io.BytesIO(content)).size == (200, 100)
    for denied in (replace(handler, case=None), replace(handler, purpose=Purpose.SOCIAL_ASSISTANCE.name)):
        assert (await load_photo(desk, photo["url"], denied))[0] == 404
