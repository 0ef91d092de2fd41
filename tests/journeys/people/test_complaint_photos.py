"""A citizen submits a complaint with photos: they reach the complaint system, and only who may see them sees them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from auth.tokens.development_issuer import DevelopmentIssuer
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
TEXTS = ("Tiang lampu yang mati", "Jalan yang gelap", "Nomor tiang", "Sebelah kiri", "Sebelah kanan")


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they add to it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm-photos")) as agency:
        yield agency


@pytest.fixture(scope="module")
async def desk(
    complaint_system: RunningAgency,
    city_snapshots: Path,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    folder = tmp_path_factory.mktemp("photos")
    city = RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots)
    with state_server(folder / "state") as state:
        settings = build_settings(city, state_url=state, issuer=issuer, folder=folder, cache_megabytes=16)
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
