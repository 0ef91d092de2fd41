"""A citizen on a small phone, by touch and without scripts: submit a complaint with a photo, see and follow it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.people.citizens_phone import CityOfPages, running_pages, signed_in_phone
from tests.sandbox_agencies import RunningAgency, run_agency
from tests.services.photos.sample_photos import build_photo
from tests.web.axe import find_violations
from tests.web.browser import Browser
from tests.web.phone import LOADED, WIDTH, Phone

LONGEST_SECONDS = 120.0
PHOTO = """(it => it !== null && it.naturalWidth > 0 && Math.round(it.getBoundingClientRect().width))(
  document.querySelector('main img[alt="Tiang lampu tanpa cahaya"]'))"""
"""The width of the photo, in JavaScript; false until it is shown."""
SCREENSHOTS = os.environ.get("TEST_SCREENSHOTS")
"""Folder for a picture of each page that a test looks at; none without it."""


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they add to it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm-phone")) as agency:
        yield agency


@pytest.fixture(scope="module")
async def hub_with_pages(
    city: RunningCity,
    complaint_system: RunningAgency,
    issuer: DevelopmentIssuer,
    openid_provider: RunningAgency,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    world = CityOfPages(city=city, complaint_system=complaint_system, issuer=issuer, openid_provider=openid_provider)
    async with running_pages(world, tmp_path_factory.mktemp("phone")) as running:
        yield running


@pytest.fixture(scope="module")
async def phone(browser: Browser, hub_with_pages: HubClient) -> AsyncIterator[Phone]:
    """Siti's phone. She is signed in."""
    async with signed_in_phone(browser, hub_with_pages, "/my-data") as phone:
        yield phone


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "lampu.jpg"
    file.write_bytes(build_photo(width=1600, height=1200))
    return file


async def look(phone: Phone, name: str) -> None:
    """Nothing is wrong with the page for people with disabilities, and it fits the phone."""
    if SCREENSHOTS:
        (Path(SCREENSHOTS) / f"{name}.png").write_bytes(await phone.page.take_screenshot())
    await phone.page.call_method("Emulation.setScriptExecutionDisabled", value=False)
    assert await find_violations(phone.page) == [], name
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= WIDTH, name
    small = await phone.page.evaluate(
        "[...document.querySelectorAll('main a, main button, main input:not([type=hidden]), main select, summary')]"
        ".filter(it => it.checkVisibility() && (it.closest('label') ?? it).getBoundingClientRect().height < 44)"
        ".map(it => it.outerHTML)"
    )
    assert small == [], name
    assert "sistem kami" not in await phone.read()
    await phone.page.call_method("Emulation.setScriptExecutionDisabled", value=True)


async def fill_in(phone: Phone, url: str, photo: Path) -> None:
    await phone.go(f"{url}/complaints/new?lang=id")
    await phone.write("#q", "lampu")
    await phone.tap("button", "Cari")
    await phone.page.wait_until(f"{LOADED} && location.search.includes('q=lampu')")
    await look(phone, "categories")
    await phone.tap_and_wait("main li a", "", "Pengaduan:")
    await look(phone, "form")
    await phone.write("#description", "Lampu jalan di depan sekolah mati sejak seminggu.")
    await phone.write("#place", "Gambir, Gambir")
    await phone.attach("#photo-1", photo)
    await phone.write("#alt-1", "Tiang lampu tanpa cahaya")


async def test_siti_submits_a_complaint_with_a_photo_sees_publishes_and_rates_it(
    phone: Phone, hub_with_pages: HubClient, complaint_system: RunningAgency, photo: Path
) -> None:
    began = monotonic()
    await fill_in(phone, hub_with_pages.url, photo)
    await phone.tap_and_wait("button", "Kirim pengaduan", "sudah kami terima")
    await look(phone, "receipt")
    assert "Nomor TT-26-" in await phone.read()
    await phone.tap_and_wait("a", "Lihat pengaduan saya", "Pengaduan:")
    await look(phone, "complaint")
    text = await phone.read()
    assert "Lampu jalan di depan sekolah mati sejak seminggu." in text
    assert "hanya Anda dan kota" in text
    assert await phone.page.wait_until(PHOTO) == 320
    assert "semua orang, tanpa nama Anda" not in text
    await phone.tap_and_wait("a", "Perlihatkan kepada semua orang", "Perlihatkan kepada semua orang")
    await look(phone, "publish")
    text = await phone.read()
    assert "Semua orang akan melihat persis ini Isi Lampu jalan di depan sekolah mati sejak seminggu." in text
    assert "Foto 1" in text
    await phone.page.wait_until(PHOTO)
    await phone.tap_and_wait("button", "Ya, perlihatkan kepada semua orang", "Pengaduan:")
    await look(phone, "published")
    assert "Pengaduan Anda akan diperlihatkan kepada semua orang." in await phone.read()
    while "semua orang, tanpa nama Anda" not in await phone.read():
        await phone.go(await phone.page.evaluate("location.href"))
    complaint_system.resolve_complaint(await phone.page.evaluate("document.querySelector('main dd').innerText"))
    while "Keadaan selesai" not in await phone.read():
        await phone.go(await phone.page.evaluate("location.href"))
    await phone.tap_and_wait("a", "Nilai hasilnya", "Nilai hasilnya")
    await look(phone, "rate")
    await phone.tap_and_wait("button", "Kirim penilaian", "Perbaiki")
    await look(phone, "rate-nothing")
    await phone.tap("label.option", "4: baik")
    await phone.write("#text", "Cepat, terima kasih.")
    await phone.tap_and_wait("button", "Kirim penilaian", "Pengaduan:")
    await look(phone, "rated")
    assert "Terima kasih atas penilaian Anda." in await phone.read()
    assert monotonic() - began < LONGEST_SECONDS


PAGES = (
    "/",
    "/cases",
    "/my-data",
    "/my-data/reads",
    "/my-data/requests",
    "/my-data/requests/new",
    "/my-data/requests/new/correction",
    "/my-data/requests/new/restriction",
    "/my-data/export",
    "/complaints/new",
    "/complaints/new?q=zzzz",
    "/complaints/new?category=1202",
    "/complaints/receipts/TT-26-NONE",
)


@pytest.mark.parametrize("language", ["id", pytest.param("en", marks=pytest.mark.long)])
@pytest.mark.parametrize("path", PAGES)
async def test_nothing_is_wrong_with_a_page_on_a_phone(
    phone: Phone, hub_with_pages: HubClient, path: str, language: str
) -> None:
    await phone.go(f"{hub_with_pages.url}{path}{'&' if '?' in path else '?'}lang={language}")
    await look(phone, f"{language}{path.replace('/', '-').replace('?', '-')}")


COMPLAINTS = """
{ me { complaints { id number isOpen visibility } } complaints(first: 20) { nodes { id number } } }
"""


@pytest.mark.parametrize("language", ["id", "en"])
async def test_nothing_is_wrong_with_the_forms_about_a_complaint(
    phone: Phone, hub_with_pages: HubClient, language: str
) -> None:
    found = (await hub_with_pages.ask(COMPLAINTS, caller="siti")).data
    mine = found["me"]["complaints"]
    own = {each["number"] for each in mine}
    forms = {
        "comment": mine[0]["id"],
        "withdraw": next(each["id"] for each in mine if each["isOpen"]),
        "publish": next(each["id"] for each in mine if each["visibility"] == "PRIVATE"),
        "support": next(each["id"] for each in found["complaints"]["nodes"] if each["number"] not in own),
    }
    for action, id_ in forms.items():
        await phone.go(f"{hub_with_pages.url}/complaints/{id_}/{action}?lang={language}")
        assert await phone.page.evaluate("document.querySelectorAll('main form[method=post]').length") == 1, action
        await look(phone, f"{language}-{action}")


async def test_the_export_is_downloaded_by_the_session(phone: Phone, hub_with_pages: HubClient) -> None:
    await phone.go(f"{hub_with_pages.url}/my-data/export")
    await phone.page.call_method("Emulation.setScriptExecutionDisabled", value=False)
    await phone.page.call_method("Page.setBypassCSP", enabled=True)
    await phone.go(f"{hub_with_pages.url}/my-data/export?again")
    form = "document.querySelector('main form')"
    found = await phone.page.evaluate(
        f"fetch({form}.action, {{method: 'POST', body: new URLSearchParams(new FormData({form}))}}).then(async it => "
        "({status: it.status, file: it.headers.get('Content-Disposition'), text: await it.json()}))"
    )
    await phone.page.call_method("Page.setBypassCSP", enabled=False)
    await phone.page.call_method("Emulation.setScriptExecutionDisabled", value=True)
    assert found["status"] == 200
    assert found["file"].startswith('attachment; filename="simpul-export-')
    assert (found["text"]["format"], found["text"]["parts"][0]["data"]["nik"][-4:]) == ("simpul-export", "9001")


async def test_siti_sees_who_read_her_data_in_plain_words(phone: Phone, hub_with_pages: HubClient) -> None:
    card = "{ me { household { members { name } } } }"
    assert (await hub_with_pages.ask(card, caller="budi")).errors == []
    await phone.go(f"{hub_with_pages.url}/my-data/reads?lang=en&reader=people")
    await phone.tap("summary", "without a stated purpose")
    await look(phone, "reads-of-people")
    text = await phone.read()
    assert "A member of your household 1 read." in text
    assert "family card (from the population register (Dukcapil))" in text
    await phone.go(f"{hub_with_pages.url}/my-data/reads?lang=en&reader=partners")
    assert "No reads match." in await phone.read()


async def test_a_photo_that_is_too_large_or_none_is_named_and_the_text_is_kept(
    phone: Phone, hub_with_pages: HubClient, tmp_path: Path
) -> None:
    large, page = tmp_path / "besar.jpg", tmp_path / "halaman.png"
    large.write_bytes(b"\xff\xd8\xff" + bytes(13 * 1024 * 1024))
    page.write_text("<html><script>alert(1)</script>")
    for file, problem in ((large, "12 MB"), (page, "JPEG, PNG")):
        await fill_in(phone, hub_with_pages.url, file)
        await phone.tap_and_wait("button", "Kirim pengaduan", "Perbaiki")
        await look(phone, f"photo-{file.stem}")
        assert problem in await phone.page.evaluate("document.querySelector('#photo-1-problem').innerText")
        assert await phone.page.evaluate("document.querySelector('#alt-1').value") == "Tiang lampu tanpa cahaya"
