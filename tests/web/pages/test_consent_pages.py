"""The pages on which people grant, refuse and revoke consents, over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from html import escape, unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.tokens.token_parser import parse_token
from engine.errors import NotRecorded
from records.calls.failures import AgencyUnavailable
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.purposes import Purpose, Scope
from tests.fakes.issuers.loopback_sign_in import PARTNER as PATH
from tests.fakes.issuers.loopback_sign_in import BrowserResponse, SignInBrowser, SignInWorld, run_sign_in_world
from tests.fakes.small_consents import PARTNER, REQUEST, build_request
from tests.fakes.small_records import AYU, BUDI, NOW

CONSENT = f"/consent/{REQUEST}"
ENGLISH = f"{CONSENT}?lang=en"


class PageReadRecorder:
    """Records readings, or fails."""

    def __init__(self) -> None:
        self.down = False
        self.kept: list[tuple[RequestInfo, Sequence[SubjectRead]]] = []

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        if self.down:
            raise NotRecorded
        self.kept.append((request, reads))


LEDGER = PageReadRecorder()


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world(recorder=LEDGER, first_party_operations="ids-only") as opened:
        yield opened


@pytest.fixture
def place(running: SignInWorld) -> SignInWorld:
    """The world, reset. Frontends may run only registered operations, which must not affect the hub's own pages."""
    running.endpoints.reset()
    running.consents.reset()
    LEDGER.down = running.sessions.is_down = False
    running.hub.city.failing_agencies.clear()
    running.hub.city.failures.clear()
    running.hub.city.calls.clear()
    LEDGER.kept.clear()
    return running


@pytest.fixture
async def browser(place: SignInWorld) -> AsyncIterator[SignInBrowser]:
    async with place.browser() as opened:
        yield opened


def words(page: BrowserResponse) -> str:
    """The text of a page without markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


def heading(page: BrowserResponse) -> str:
    return unescape(page.text.partition("<h1>")[2].partition("</h1>")[0])


# A request


async def test_the_request_page_names_partner_scopes_deadline_and_the_effect_of_a_refusal(
    browser: SignInBrowser,
) -> None:
    page_text = words(await browser.sign_in(CONSENT))
    assert "Kredit <Nusantara> & Rekan meminta data Anda" in page_text
    assert "Untuk apa Memutuskan tentang kredit yang Anda ajukan" in page_text
    assert "Berlaku sampai 22 Februari 2027 pukul 10.15 WIB." in page_text
    assert "Jawab sebelum 26 November 2026 pukul 10.15 WIB" in page_text
    assert "Jika Anda menolak Tidak ada data yang diberikan" in page_text
    assert "Anda masuk dengan NIK yang berakhiran 0001." in page_text


async def test_the_request_page_in_english(browser: SignInBrowser) -> None:
    page = await browser.sign_in(ENGLISH)
    page_text = words(page)
    assert heading(page) == "Kredit <Nusantara> & Rekan is asking for your data"
    assert "Purpose Deciding on a loan that you applied for" in page_text
    assert "Valid until 22 February 2027 at 10:15 WIB." in page_text
    assert '<html lang="en">' in page.text
    assert page.headers["Content-Language"] == "en"
    assert 'action="/consent/permintaan-1?lang=en"' in page.text


async def test_the_request_page_shows_every_value_with_its_label(browser: SignInBrowser) -> None:
    page_text = words(await browser.sign_in(CONSENT))
    for each in (
        "Nomor objek pajak (NOP) 317301000100100010",
        "Luas tanah 100 m²",
        "Tahun pajak 2026",
        "Yang harus dibayar Rp100.000",
        "Keadaan tagihan belum lunas",
        "Jatuh tempo 30 September 2026",
        "Pembayaran 2 dari 2",
        "Dibatalkan ya",
        "Nama usaha Warung Siti",
        "Omzet sebulan Rp5.000.000",
        "Tahap program P4: perizinan",
        "Terdaftar 1 Mei 2024",
        "Produk 1 dari 2",
        "Semuanya data pribadi spesifik",
        "Mereka hanya mendapat jawaban “sesuai”, “tidak sesuai”, atau “tidak diketahui”.",
    ):
        assert each in page_text


async def test_the_request_page_shows_the_text_of_the_agreement(browser: SignInBrowser) -> None:
    assert "Saya setuju bahwa kota memberikan kepada Kredit <Nusantara> & Rekan: " in words(
        await browser.sign_in(CONSENT)
    )


async def test_no_box_is_ticked_in_advance(browser: SignInBrowser) -> None:
    page = await browser.sign_in(CONSENT)
    assert re.findall(r'<input type="checkbox" id="scope-\d" name="scope" value="(\w+)"\s*>', page.text) == [
        "TAX",
        "MSMES",
        "IDENTITY",
    ]
    assert "checked" not in page.text


async def test_a_view_of_the_page_is_recorded_as_a_reading(browser: SignInBrowser) -> None:
    await browser.sign_in(CONSENT)
    names = [asked.operation for asked, _ in LEDGER.kept]
    assert names == ["ConsentPage", "ConsentPreview"]


async def test_only_what_the_partners_operations_read_is_shown(browser: SignInBrowser, place: SignInWorld) -> None:
    reads = frozenset({"TaxObject.landArea", "Consenting.taxObjects"})
    place.consents.requests["small"] = build_request("https://partner.example/", "small", reads=reads)
    page_text = words(await browser.sign_in("/consent/small"))
    assert "Yang dibaca: Luas tanah." in page_text
    assert "Luas tanah 100 m²" in page_text
    assert "317301000100100010" not in page_text
    assert "Warung Siti" not in page_text


async def test_an_agency_that_is_down_is_named_and_the_rest_is_shown(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    place.hub.city.failing_agencies.add("pbb")
    page_text = words(await browser.sign_in(CONSENT))
    assert "Tidak dapat ditampilkan saat ini: pelayanan pajak bumi dan bangunan (PBB) tidak menjawab." in page_text
    assert "Nama usaha Warung Siti" in page_text
    assert "Setuju" in page_text


async def test_a_single_failed_field_is_explained(browser: SignInBrowser, place: SignInWorld) -> None:
    place.hub.city.failures["M-1"] = AgencyUnavailable("jakpreneur")
    page_text = words(await browser.sign_in(ENGLISH))
    assert (
        "Product Cannot be shown at the moment: the small business programme (JakPreneur) is not responding."
        in page_text
    )
    assert "Trading name Warung Siti" in page_text


async def test_low_assurance_hides_specific_data_with_the_reason(browser: SignInBrowser, place: SignInWorld) -> None:
    place.endpoints.access["acr"] = "low"
    page_text = words(await browser.sign_in(ENGLISH))
    assert page_text.count("Cannot be shown: to see and share it, sign in with a verified identity") >= 2
    assert "317301000100100010" not in page_text
    assert "Monthly revenue Cannot be shown" in page_text
    assert "Trading name Warung Siti" in page_text
    assert "you have no data" not in page_text


async def test_a_failed_preview_is_not_shown_as_empty() -> None:
    async with run_sign_in_world(limit_calls=1) as place, place.browser() as browser:
        page_text = words(await browser.sign_in(ENGLISH))
        assert page_text.count("Cannot be shown.") == 2
        assert "you have no data" not in page_text
        assert "Agree" in page_text


async def test_a_person_without_data_gets_a_note(browser: SignInBrowser, place: SignInWorld) -> None:
    place.endpoints.access.update({"sub": "budi", "nik": str(BUDI)})
    place.endpoints.identity["sub"] = "budi"
    asked, back = build_request("https://partner.example/", "of-budi")
    place.consents.requests["of-budi"] = (replace(asked, subject=BUDI), back)
    page_text = words(await browser.sign_in("/consent/of-budi"))
    assert "Objek pajak tidak ada" in page_text
    assert "Usaha tidak ada" in page_text


# The answer to it


async def test_the_ticked_scopes_are_granted_and_the_person_returns_to_the_partner(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    form = (await browser.sign_in(CONSENT)).form
    page = await browser.post(CONSENT, {"form": form, "decision": "grant", "scope": ["TAX", "IDENTITY"]})
    assert place.consents.changes == [("grant", REQUEST, frozenset({Scope.TAX, Scope.IDENTITY}))]
    back = f"{place.endpoints.issuer.url}{PATH}?consent=persetujuan-1"
    assert (page.status, heading(page)) == (200, "Anda setuju")
    assert f'<meta http-equiv="refresh" content="0; url={back}">' in page.text
    assert f'href="{back}"' in page.text


async def test_a_refusal_ignores_ticked_boxes(browser: SignInBrowser, place: SignInWorld) -> None:
    form = (await browser.sign_in(CONSENT)).form
    page = await browser.post(CONSENT, {"form": form, "decision": "refuse", "scope": ["TAX"]})
    assert place.consents.changes == [("refuse", REQUEST, frozenset())]
    assert (page.status, heading(page)) == (200, "Anda menolak")
    assert f"{PATH}?error=access_denied" in page.text


async def test_a_grant_without_a_ticked_box_is_explained_with_a_link_to_the_first_box(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    form = (await browser.sign_in(CONSENT)).form
    page = await browser.post(CONSENT, {"form": form, "decision": "grant"})
    assert (page.status, place.consents.changes) == (422, [])
    assert "<title>Perbaiki: " in page.text
    assert '<a href="#scope-1" id="none-ticked">Centang paling sedikit satu pilihan' in page.text
    assert page.text.count('aria-invalid="true" aria-describedby="none-ticked"') == 3
    again = await browser.post(CONSENT, {"form": page.form, "decision": "grant", "scope": "MSMES"})
    assert (again.status, len(place.consents.changes)) == (200, 1)


@pytest.mark.parametrize("decision", ["grant", "refuse"])
async def test_a_form_that_is_submitted_twice_gets_the_same_response(
    browser: SignInBrowser, place: SignInWorld, decision: str
) -> None:
    form = (await browser.sign_in(CONSENT)).form
    sent = {"form": form, "decision": decision, "scope": "TAX"}
    first, second = [await browser.post(CONSENT, sent) for _ in range(2)]
    assert (second.status, heading(second)) == (200, heading(first))
    [back] = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', first.text)
    assert f'href="{back}"' in second.text
    assert len(place.consents.changes) == 1


async def test_a_grant_after_a_refusal_is_refused(browser: SignInBrowser, place: SignInWorld) -> None:
    form = (await browser.sign_in(CONSENT)).form
    await browser.post(CONSENT, {"form": form, "decision": "refuse"})
    page = await browser.post(CONSENT, {"form": form, "decision": "grant", "scope": "TAX"})
    assert (page.status, heading(page)) == (409, "Permintaan ini sudah Anda jawab")
    assert [each[0] for each in place.consents.changes] == ["refuse"]


async def test_an_unknown_decision_changes_nothing(browser: SignInBrowser, place: SignInWorld) -> None:
    form = (await browser.sign_in(CONSENT)).form
    for fields in ({}, {"decision": "maybe"}, {"decision": ["grant", "refuse"], "scope": "TAX"}):
        page = await browser.post(CONSENT, {"form": form, **fields})
        assert (page.status, place.consents.changes) == (400, [])


async def test_low_assurance_asks_for_another_sign_in(browser: SignInBrowser, place: SignInWorld) -> None:
    place.endpoints.access["acr"] = "low"
    form = (await browser.sign_in(CONSENT)).form
    page = await browser.post(CONSENT, {"form": form, "decision": "grant", "scope": "MSMES"})
    assert (page.status, heading(page)) == (403, "Kami perlu mengenali Anda dengan lebih pasti")
    assert place.consents.changes == []


async def test_the_sign_in_requests_the_assurance_of_a_consent(browser: SignInBrowser, place: SignInWorld) -> None:
    await browser.sign_in(ENGLISH)
    [asked] = place.endpoints.authorization_requests
    assert asked["acr_values"].split()[0] == "substantial" or asked["acr_values"].startswith("http")
    assert "low" not in asked["acr_values"].split()
    assert asked["ui_locales"] == "en"
    assert asked["scope"] == "openid"


# Consents


async def test_consents_are_listed_newest_first_in_pages(browser: SignInBrowser, place: SignInWorld) -> None:
    place.consents.add_consents(23)
    first = await browser.sign_in("/consents?lang=en")
    assert re.findall(r"<h2 id=[^>]*>(.*?)</h2>", first.text) == [f"Mitra {number}" for number in range(1, 21)]
    older = unescape(re.findall(r'href="([^"]*after=[^"]*)">Older', first.text)[0])
    second = await browser.get(older)
    assert re.findall(r"<h2 id=[^>]*>(.*?)</h2>", second.text) == ["Mitra 21", "Mitra 22", "Mitra 23"]
    assert ">Older<" not in second.text
    assert "Newest" in second.text


async def test_each_consent_shows_its_state_and_only_active_ones_can_be_revoked(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    place.consents.add_consents(2)
    form = (await browser.sign_in()).form
    asking = await browser.get("/consents/persetujuan-1/revoke")
    assert heading(asking) == "Tarik kembali persetujuan untuk Mitra 1?"
    assert place.consents.changes == []
    done = await browser.post("/consents/persetujuan-1/revoke", {"form": form})
    assert (done.status, done.location) == (303, "/consents")
    assert place.consents.changes == [("revoke", "persetujuan-1", frozenset())]
    consents_page = await browser.get("/consents")
    assert "Keadaan ditarik kembali" in words(consents_page)
    assert re.findall(r"<dt>(Berakhir|Berlaku sampai)</dt>", consents_page.text) == ["Berakhir", "Berlaku sampai"]
    assert re.findall(r'href="(/consents/[^"]*)"', consents_page.text) == ["/consents/persetujuan-2/revoke"]


async def test_a_person_without_consents_gets_a_note(browser: SignInBrowser) -> None:
    assert "Anda belum pernah memberi persetujuan." in words(await browser.sign_in())


async def test_a_chosen_language_is_kept(browser: SignInBrowser, place: SignInWorld) -> None:
    place.consents.add_consents(1)
    page = await browser.sign_in("/consents?lang=en")
    assert 'href="/consents/persetujuan-1/revoke?lang=en"' in page.text
    assert 'href="/consents?lang=id" lang="id" hreflang="id">Bahasa Indonesia' in page.text
    done = await browser.post("/consents/persetujuan-1/revoke?lang=en", {"form": page.form})
    assert done.location == "/consents?lang=en"


async def test_an_english_browser_gets_english_pages(browser: SignInBrowser) -> None:
    await browser.sign_in()
    page = await browser.get("/consents", **{"Accept-Language": "en-GB,en;q=0.9,id;q=0.5"})
    assert heading(page) == "My consents"
    assert "lang=en" not in page.text


# The session


async def test_sign_out_ends_the_session(browser: SignInBrowser) -> None:
    form = (await browser.sign_in()).form
    out = await browser.post("/sign-out", {"form": form})
    assert (out.status, heading(out), browser.cookie("simpul")) == (200, "Anda sudah keluar dari halaman ini", None)
    assert "Anda masuk dengan" not in out.text
    signed_out_page = await browser.get("/signed-out")
    assert heading(signed_out_page) == "Anda sudah keluar"
    assert "Anda masuk dengan" not in signed_out_page.text
    assert (await browser.get("/consents")).status == 303


async def test_sign_out_continues_at_the_issuer(browser: SignInBrowser, place: SignInWorld) -> None:
    form = (await browser.sign_in()).form
    out = await browser.post("/sign-out?lang=en", {"form": form})
    address = out.headers["Refresh"].removeprefix("0; url=")
    assert address.startswith(f"{place.endpoints.issuer.url}/end-session?")
    asked = dict(parse_qsl(urlsplit(address).query))
    claims = parse_token(asked.pop("id_token_hint")).claims
    assert (claims["sub"], claims["aud"]) == ("siti", "simpul-pages")
    assert asked == {
        "client_id": "simpul-pages",
        "post_logout_redirect_uri": f"{place.hub.url}/signed-out",
        "ui_locales": "en",
    }
    assert f'<a href="{escape(address)}">Sign out of that service</a>' in out.text


async def test_sign_out_works_without_a_sign_out_endpoint_of_the_issuer() -> None:
    async with run_sign_in_world() as place, place.browser() as browser:
        place.endpoints.metadata["end_session_endpoint"] = None
        form = (await browser.sign_in()).form
        out = await browser.post("/sign-out?lang=en", {"form": form})
        assert (out.status, out.location, browser.cookie("simpul")) == (303, "/signed-out?lang=en", None)


async def test_a_failed_sign_out_is_reported_and_the_session_continues(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    form = (await browser.sign_in()).form
    place.sessions.is_down = True
    out = await browser.post("/sign-out", {"form": form})
    place.sessions.is_down = False
    assert (out.status, "Refresh" in out.headers) == (503, False)
    assert (await browser.get("/consents")).status == 200


async def test_pages_for_decisions_request_a_sign_in_within_half_of_the_allowed_time(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    await browser.get("/consents")
    await browser.get(CONSENT)
    await browser.sign_in(CONSENT)
    assert [each.get("max_age") for each in place.endpoints.authorization_requests] == ["450"]
    assert "max_age" not in (await browser.get("/consents")).headers.get("Location", "")


async def test_an_old_sign_in_is_renewed_before_a_page_for_decisions(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    place.consents.add_consents(1)
    place.endpoints.identity["auth_time"] = time.time() - 500
    assert (await browser.sign_in("/consents")).status == 200
    for path in (CONSENT, "/consents/persetujuan-1/revoke"):
        again = await browser.get(path)
        assert again.status == 303
        assert dict(parse_qsl(urlsplit(again.location).query))["max_age"] == "450"
    place.endpoints.reset()
    page = await browser.sign_in(CONSENT)
    assert page.status == 200
    done = await browser.post(CONSENT, {"form": page.form, "decision": "grant", "scope": "TAX"})
    assert (done.status, place.consents.changes) == (200, [("grant", REQUEST, frozenset({Scope.TAX}))])


async def test_a_decision_too_long_after_the_sign_in_changes_nothing_and_can_be_repeated(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    place.consents.add_consents(1)
    place.endpoints.identity["auth_time"] = time.time() - 1000
    form = (await browser.sign_in("/consents?lang=en")).form
    for path, fields in (
        (f"{CONSENT}?lang=en", {"form": form, "decision": "grant", "scope": "TAX"}),
        (f"{CONSENT}?lang=en", {"form": form, "decision": "refuse"}),
        ("/consents/persetujuan-1/revoke?lang=en", {"form": form}),
    ):
        late = await browser.post(path, fields)
        assert (late.status, heading(late)) == (403, "Please sign in again")
        assert f'href="{path}"' in late.text or f'href="{path.partition("?")[0]}' in late.text
    assert place.consents.changes == []


async def test_each_page_extends_the_session_up_to_the_end_of_the_token(
    browser: SignInBrowser, place: SignInWorld
) -> None:
    place.endpoints.access["exp"] = int(place.endpoints.issuer.claims()["iat"]) + 120
    page = await browser.sign_in()
    [cookie] = page.set_cookies
    found = re.search(r"Max-Age=(\d+)", cookie)
    assert found is not None
    assert 100 <= int(found[1]) <= 120
    assert re.search(r"Sampai pukul \d\d\.\d\d WIB; buka ulang halaman ini untuk memperpanjang\.", words(page))
    again = await browser.post("/consents/none/revoke", {"form": page.form})
    assert (again.status, "Sampai pukul" in again.text) == (
        404,
        False,
    )  # a problem page does not show the end of the session


# What goes wrong


async def test_an_issuer_that_is_down_is_reported_and_not_called_again_immediately() -> None:
    async with run_sign_in_world() as place, place.browser() as browser:
        for _ in range(2):
            place.endpoints.metadata["issuer"] = "https://issuer.example"
            page = await browser.get(CONSENT)
            assert (page.status, heading(page)) == (503, "Masuk tidak dapat dilakukan saat ini")
        assert (
            place.endpoints.issuer.request_counts["/.well-known/openid-configuration"] <= 2
        )  # the keys' own reading, and ours


async def test_an_issuer_without_tokens_in_its_response_is_reported(browser: SignInBrowser, place: SignInWorld) -> None:
    link = await browser.begin_sign_in(CONSENT)
    place.endpoints.tokens["access_token"] = place.endpoints.tokens["id_token"] = None
    assert heading(await browser.get(link)) == "Anda belum masuk"


async def test_a_hub_whose_secret_the_issuer_refuses_reports_that_signing_in_is_impossible() -> None:
    async with run_sign_in_world(sign_in_secret=None) as place, place.browser() as browser:
        page = await browser.get(await browser.begin_sign_in(CONSENT))
        assert (page.status, heading(page)) == (503, "Masuk tidak dapat dilakukan saat ini")
        assert place.endpoints.token_requests[0]["client_id"] == "simpul-pages"  # a public client sends its id


async def test_without_the_ledger_no_data_is_shown(browser: SignInBrowser, place: SignInWorld) -> None:
    LEDGER.down = True
    page = await browser.sign_in(CONSENT)
    assert (page.status, heading(page)) == (503, "Data tidak dapat ditampilkan saat ini")
    assert "Warung" not in page.text
    assert place.consents.changes == []


async def test_too_many_requests_of_a_person_must_wait() -> None:
    async with run_sign_in_world(rates=("citizen:3/1000", "anonymous:100/1000")) as place, place.browser() as browser:
        form = (await browser.sign_in(CONSENT)).form
        page = await browser.post(CONSENT, {"form": form, "decision": "refuse"})
        assert (page.status, heading(page)) == (429, "Terlalu sering")
        assert int(page.headers["Retry-After"]) > 0
        assert place.consents.changes == []


async def test_an_unavailable_database_is_reported(browser: SignInBrowser, place: SignInWorld) -> None:
    place.consents.is_down = True
    page = await browser.sign_in(CONSENT)
    assert (page.status, heading(page)) == (503, "Ini tidak dapat dilakukan saat ini")


@pytest.mark.parametrize("path", ["/consent/none", "/consent/%3Cb%3E", f"/consent/{'x' * 401}"])
async def test_an_unknown_or_expired_request_has_a_page(browser: SignInBrowser, path: str) -> None:
    page = await browser.sign_in(path)
    assert (page.status, heading(page)) == (404, "Permintaan ini tidak ada, atau sudah berakhir")


async def test_an_unexpected_error_is_a_page_with_a_number(
    browser: SignInBrowser, place: SignInWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await browser.sign_in()

    async def broken(*_: object) -> None:
        raise RuntimeError("Siti's secret")

    monkeypatch.setattr(place.consents, "consent_pages", broken)
    monkeypatch.setattr("web.pages.consent_pages.get_object", lambda *_: 1 / 0)
    page = await browser.get("/consents")
    number = re.search(r"nomor ([0-9a-f]{12})", page.text)
    assert page.status == 500
    assert number is not None
    assert any(number[1] in each.getMessage() for each in caplog.records)
    assert "Siti" not in page.text


async def test_the_partners_name_is_escaped(browser: SignInBrowser) -> None:
    page = await browser.sign_in(CONSENT)
    assert PARTNER not in page.text
    assert "Kredit &lt;Nusantara&gt; &amp; Rekan" in page.text


# A request about a child

OF_CHILD = "/consent/of-child"


@pytest.fixture
def guardian(place: SignInWorld) -> SignInWorld:
    """Siti's daughter is ten, and a partner asks about a child."""
    place.hub.city.ayu_born = NOW.date() - timedelta(days=3_700)
    asked, back = build_request("https://partner.example/", "of-child")
    asked = replace(asked, scopes=(Scope.EDUCATION,), purpose=Purpose.EDUCATION, is_about_child=True)
    place.consents.requests["of-child"] = (asked, back)
    return place


@pytest.mark.usefixtures("guardian")
async def test_the_page_about_a_child_names_the_child_and_shows_the_values(browser: SignInBrowser) -> None:
    page = await browser.sign_in(f"{OF_CHILD}?lang=en")
    page_text = words(page)
    assert heading(page) == "Kredit <Nusantara> & Rekan is asking for data about your child Person 3"
    assert "About Person 3" in page_text
    assert "at most until your child is 18" in page_text
    for value in ("Grade 5", "KJP Plus 1 of 1 Payment round 2026-I", "Balance Rp250,000", "data of a child"):
        assert value in page_text
    assert "As a parent or guardian, I agree" in page_text
    assert AYU not in page.text


async def test_a_guardian_grants_revokes_and_sees_the_consent_about_the_child(
    guardian: SignInWorld, browser: SignInBrowser
) -> None:
    page = await browser.sign_in(OF_CHILD)
    [child] = re.findall(r'name="child" value="([^"]+)"', page.text)
    form = {"form": page.form, "decision": "grant", "scope": "EDUCATION", "child": child}
    assert (await browser.post(OF_CHILD, form)).status == 200
    [consent] = guardian.consents.consents
    assert (consent.subject, consent.by_guardian) == (AYU, True)
    listed = await browser.get("/consents")
    assert "Tentang Person 3 Kredit <Nusantara> & Rekan" in words(listed)
    asking = await browser.get(f"/consents/{consent.id}/revoke")
    assert "tidak dapat membaca data Person 3 lagi" in words(asking)
    assert (await browser.post(f"/consents/{consent.id}/revoke", {"form": asking.form})).status == 303
    assert [each[0] for each in guardian.consents.changes] == ["grant", "revoke"]


async def test_a_person_without_children_cannot_answer_and_may_refuse(
    guardian: SignInWorld, browser: SignInBrowser
) -> None:
    guardian.hub.city.ayu_born = date(1990, 6, 5)
    page = await browser.sign_in(OF_CHILD)
    assert (page.status, heading(page)) == (403, "Anda tidak dapat menjawab untuk anak ini")


async def test_another_child_than_ones_own_is_refused(guardian: SignInWorld, browser: SignInBrowser) -> None:
    form = (await browser.sign_in(OF_CHILD)).form
    fields = {"form": form, "decision": "grant", "scope": "EDUCATION", "child": "Q2l0aXplbg"}
    assert (await browser.post(OF_CHILD, fields)).status == 403
    assert guardian.consents.changes == []


async def test_consents_about_children_are_called_missing_while_the_register_is_down(
    guardian: SignInWorld, browser: SignInBrowser
) -> None:
    guardian.hub.city.failing_agencies.add("dukcapil")
    assert "Persetujuan tentang anak Anda tidak dapat ditampilkan saat ini." in words(await browser.sign_in())
