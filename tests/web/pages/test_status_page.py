"""`/status` over agencies in a given state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from settings.city.folder import DEFAULT_CITY, load_city
from telemetry.metrics.health import AgencyHealth, CallSummary, HealthState
from tests.web.conftest import GraphServer, serve_application
from web.pages import status_page
from web.pages.page_renderer import PageLinks, PageRenderer
from web.pages.status_page import StatusPage
from web.pages.words import load_words
from web.settings import WebSettings

NAMES = load_city(DEFAULT_CITY).names
WELL = AgencyHealth(
    name="pbb",
    health=HealthState.UP,
    breaker="closed",
    minutes=[None] * 59 + [CallSummary(calls=1200, failed=1, median=0.012, p95=1.25)],
    hour=CallSummary(calls=1200, failed=1, median=0.012, p95=1.25),
    cache_hit_share=0.875,
    stale=1234,
    quota=200000,
    quota_left=1999,
    data_from=None,
    last_answer=1795591920.0,
)
UNKNOWN = AgencyHealth(
    name="<b>new</b>",
    health=HealthState.QUIET,
    breaker=None,
    minutes=[None] * 60,
    hour=None,
    cache_hit_share=None,
    stale=0,
    quota=None,
    quota_left=None,
    data_from=None,
    last_answer=None,
)
PREPARING = {"crm": "shadow", "<i>soon</i>": "draft", "jakpreneur": "agreed", "pangan": "assessed"}


class CountingHealth:
    """The state of the agencies, and the number of reads."""

    def __init__(self) -> None:
        self.healths: Sequence[AgencyHealth] = [WELL]
        self.asked = 0

    async def __call__(self) -> Sequence[AgencyHealth]:
        self.asked += 1
        return self.healths


@pytest.fixture
def agencies() -> CountingHealth:
    return CountingHealth()


@pytest.fixture
async def hub(agencies: CountingHealth) -> AsyncIterator[GraphServer]:
    pages = PageRenderer(PageLinks(status=True), NAMES)
    status = StatusPage(agencies, PREPARING, pages)
    async with serve_application(WebSettings(), endpoints=[pages, status]) as running:
        yield running


async def read_page(hub: GraphServer, path: str = "/status", **headers: str) -> str:
    answer = await hub.get(path, **headers)
    assert answer.status == 200
    return " ".join(answer.body.decode().split())


async def test_the_page_shows_all_facts_of_an_agency_in_indonesian_by_default(hub: GraphServer) -> None:
    text = await read_page(hub)
    for expected in (
        '<html lang="id">',
        "Pelayanan pajak bumi dan bangunan (PBB)",
        "<strong>Menjawab</strong>",
        "separuh jawabannya datang dalam 12 milidetik, 95 dari 100 dalam 1,2 detik; 1 dari 1.200 panggilan gagal.",
        "<dt>Pemutus</dt><dd>tertutup: panggilan diteruskan</dd>",
        "<dt>Dijawab dari simpanan</dt><dd>88%</dd>",
        "<dt>Jawaban lama sebagai ganti</dt><dd>1.234</dd>",
        "<dt>Sisa untuk hari ini</dt><dd>1.999 dari 200.000 panggilan</dd>",
        "<dt>Jawaban terakhir</dt><dd>14.32 WIB</dd>",
        "Saat ini tidak ada instansi yang terganggu.",
    ):
        assert expected in text


async def test_the_page_is_in_english_for_english_browsers(hub: GraphServer) -> None:
    text = await read_page(hub, Accept_Language="en-GB")
    assert '<html lang="en">' in text
    assert "half of the responses came within 12 ms, 95 of 100 within 1.2 s; failed calls: 1 of 1,200." in text


async def test_unknown_facts_are_omitted_and_names_are_escaped(hub: GraphServer, agencies: CountingHealth) -> None:
    agencies.healths = [UNKNOWN]
    text = await read_page(hub, "/status?lang=en")
    assert "&lt;b&gt;new&lt;/b&gt;" in text
    assert "<b>new" not in text
    assert "No calls in the last 60 minutes." in text
    assert "<dt>Circuit breaker" not in text
    assert "<dt>Left for today" not in text
    assert "<dt>Last response</dt><dd>not yet</dd>" in text


@pytest.mark.parametrize(
    ("language", "live", "stages"),
    [
        (
            "en",
            "<dt>Stage</dt><dd>live</dd>",
            {
                "Complaint system (CRM)": "shadow: called and compared, not shown",
                "&lt;i&gt;soon&lt;/i&gt;": "draft",
                "Small business programme (JakPreneur)": "terms agreed",
                "Food price service (Info Pangan)": "privacy impact assessed",
            },
        ),
        (
            "id",
            "<dt>Tahap</dt><dd>aktif</dd>",
            {
                "Sistem pengaduan (CRM)": "bayangan: ditanya dan dibandingkan, belum ditampilkan",
                "&lt;i&gt;soon&lt;/i&gt;": "rancangan",
                "Program usaha kecil (JakPreneur)": "ketentuan disepakati",
                "Layanan harga pangan (Info Pangan)": "dampak pelindungan data dinilai",
            },
        ),
    ],
)
async def test_live_agencies_and_those_in_preparation_show_their_stage(
    hub: GraphServer, language: str, live: str, stages: dict[str, str]
) -> None:
    text = await read_page(hub, f"/status?lang={language}")
    articles, _, preparing = text.partition("<section")
    assert articles.count("<article") == articles.count(live) == 1
    for name, stage in stages.items():
        assert f"<dt>{name}</dt><dd>{stage}</dd>" in preparing
    assert preparing.count("<dt>") == len(stages)


@pytest.mark.parametrize("health", HealthState)
@pytest.mark.parametrize("language", ["id", "en"])
async def test_each_state_has_text_and_an_icon_and_problems_are_summarized(
    hub: GraphServer, agencies: CountingHealth, health: HealthState, language: str
) -> None:
    agencies.healths = [WELL, replace(WELL, name="crm", health=health)]
    text, words = await read_page(hub, f"/status?lang={language}"), load_words()[language]["status"]
    article = text.rpartition("<article")[2].partition("</article>")[0]
    assert '<svg class="sign"' in article
    assert f"<strong>{words['states'][health.value]}</strong>" in article
    if health in {HealthState.DOWN, HealthState.SHAKY}:
        name = {"id": "Sistem pengaduan (CRM)", "en": "Complaint system (CRM)"}[language]
        assert words["some"].format(count=1, all=2, names=name) in text
    else:
        assert words["none"] in text


async def test_the_page_may_only_run_its_own_script_and_call_this_hub(hub: GraphServer) -> None:
    answer = await hub.get("/status")
    policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    text = answer.body.decode()
    assert "<style" not in text
    assert " style=" not in text
    assert answer.headers["Cache-Control"] == "no-store"


async def test_files_of_the_page_are_served_only_under_their_digest(hub: GraphServer) -> None:
    text = (await hub.get("/status")).body.decode()
    for name, media_type in (("style.css", "text/css"), ("status.css", "text/css"), ("status.js", "text/javascript")):
        address = next(part for part in text.split('"') if part.endswith(f"/{name}"))
        answer = await hub.get(address)
        assert (answer.status, answer.headers["Content-Type"]) == (200, f"{media_type}; charset=utf-8")
        assert "immutable" in answer.headers["Cache-Control"]
    for wrong in ("/pages/0000000000000000/status.js", "/pages/x/base.html", "/pages/x/..%2Fpages.py"):
        assert (await hub.get(wrong)).status == 404


async def test_the_part_that_changes_is_served_separately(hub: GraphServer) -> None:
    text = await read_page(hub, "/status/now?lang=en")
    assert text.startswith('<div class="scope whole up">')
    assert "Property tax" in text
    assert "<html" not in text


async def test_the_page_is_rendered_at_most_once_per_second(
    hub: GraphServer, agencies: CountingHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(status_page, "monotonic", lambda: now)
    for path in ("/status?lang=id", "/status/now?lang=id", "/status?lang=id"):
        await hub.get(path)
    assert agencies.asked == 1
    agencies.healths = [replace(WELL, health=HealthState.DOWN)]
    assert "Tidak menjawab" not in await read_page(hub, "/status?lang=id")
    now += 1.0
    assert "Tidak menjawab" in await read_page(hub, "/status?lang=id")
    assert agencies.asked == 2


async def test_without_the_endpoint_the_page_is_not_found() -> None:
    async with serve_application(WebSettings()) as hub:
        assert (await hub.get("/status")).status == 404
