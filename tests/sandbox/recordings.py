"""The answers of the HTTP agencies that connectors are tested with, as they were really given.

`python -m tests.sandbox.recordings` asks the agencies and writes `tests/connectors/recorded/`;
`test_recordings.py` asks again and compares, so that no recording outlives what it recorded.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.sandbox.agency_requests import AgencyAnswer, ask, ask_food_prices, ask_open311, ask_soap, temporary_setting
from tests.sandbox_agencies import RunningAgency, run_agency

FOLDER = Path(__file__).resolve().parent.parent / "connectors" / "recorded"
INDEX = "index.json"

SITI, BUDI, DEWI, AGUS = "3171014506909001", "3171021708889002", "3174055203559003", "3672010101009004"
MANY_QUIRKS = "3174021407919000"
"""Owner of bare land and an object without RT, with cancelled payments, exempt, reduced and unpaid bills, and accents.
"""
SITIS_HOME = "317302000300300410"
BOTH = f"{SITI},{BUDI}"

Ask = Callable[[RunningAgency], AgencyAnswer]


def _ask_closed(pbb: RunningAgency) -> AgencyAnswer:
    with temporary_setting(pbb, "/hours", {"open": False}, back={"open": True}):
        return ask_soap(pbb, "GetObjekByNik", SITI)


def _ask_in_mode(mode: str, ask: Ask) -> Ask:
    def answer(agency: RunningAgency) -> AgencyAnswer:
        with agency.in_mode(mode):
            return ask(agency)

    return answer


def _ask_throttled(pangan: RunningAgency) -> AgencyAnswer:
    with temporary_setting(pangan, "/rate", {"per_second": 0.5}, back={"per_second": 0}):
        return [ask_food_prices(pangan, "v1/master-data/market?search_text=senen") for _ in range(6)][-1]


def _ask_search(form: Mapping[str, str]) -> Ask:
    return lambda crm: ask_open311(crm, "requests/search.json", key=crm.secret, form=form)


def _ask_soap(operation: str, value: str, secret: str | None = None) -> Ask:
    return lambda pbb: ask_soap(pbb, operation, value, secret=secret)


def _ask_crm(path: str, key: str | None = None) -> Ask:
    return lambda crm: ask_open311(crm, path, key=key)


def _ask_food(path: str, key: str | None = None) -> Ask:
    return lambda pangan: ask_food_prices(pangan, path, key=key)


NEWEST, REPORT = "v2/public/master-data/commodity/markets", "v1/public/report"

RECORDINGS: Mapping[str, Ask] = {
    "pbb_objects_siti.xml": _ask_soap("GetObjekByNik", SITI),
    "pbb_objects_dewi.xml": _ask_soap("GetObjekByNik", DEWI),
    "pbb_objects_many_quirks.xml": _ask_soap("GetObjekByNik", MANY_QUIRKS),
    "pbb_objects_unknown_nik.xml": _ask_soap("GetObjekByNik", AGUS),
    "pbb_objects_invalid_nik.xml": _ask_soap("GetObjekByNik", "31710145069090"),
    "pbb_objects_closed.xml": _ask_closed,
    "pbb_objects_rubbish.xml": _ask_in_mode("rubbish", _ask_soap("GetObjekByNik", SITI)),
    "pbb_bills_sitis_home.xml": _ask_soap("GetTagihan", SITIS_HOME),
    "pbb_bills_unknown_nop.xml": _ask_soap("GetTagihan", "1" * 18),
    "pbb_fault_server.xml": _ask_in_mode("error", _ask_soap("GetObjekByNik", SITI)),
    "pbb_fault_refused.xml": _ask_soap("GetObjekByNik", SITI, secret="salah"),
    "pbb_fault_soap12_shape.xml": lambda pbb: ask(pbb, "POST", "/services/pbb", body=b"<s:Envelope"),
    "crm_services.json": _ask_crm("services.json"),
    "crm_service_flood.json": _ask_crm("services/1001.json"),
    "crm_requests_page.json": _ask_crm("requests.json?extensions=true&page_size=20"),
    "crm_requests_plain.json": _ask_crm("requests.json?page_size=12"),
    "crm_requests_by_reporter.json": _ask_search({"reporter": BOTH, "extensions": "true"}),
    "crm_requests_by_reporter_nobody.json": _ask_search({"reporter": DEWI, "extensions": "true"}),
    "crm_requests_by_id.json": _ask_search({"service_request_id": "10000884,10000777,999", "extensions": "true"}),
    "crm_request_single.json": _ask_crm("requests/10000777.json?extensions=true"),
    "crm_error_not_found.json": _ask_crm("requests/1.json"),
    "crm_error_unclear.json": _ask_crm("requests.json?start_date=kemarin"),
    "crm_error_server.json": _ask_in_mode("error", _ask_crm("services.json")),
    "crm_error_forbidden.json": _ask_crm("services.json", key="salah"),
    "crm_rubbish.html": _ask_in_mode("rubbish", _ask_crm("services.json")),
    "pangan_markets.json": _ask_food("v1/master-data/market?search_text="),
    "pangan_markets_search.json": _ask_food("v1/master-data/market?search_text=senen"),
    "pangan_newest_market_3.json": _ask_food(f"{NEWEST}/3"),
    "pangan_newest_closed_market_20.json": _ask_food(f"{NEWEST}/20"),
    "pangan_newest_all.json": _ask_food(f"{NEWEST}/0"),
    "pangan_report_market_3.json": _ask_food(f"{REPORT}?filterBy=market&Id=3&yearMonth=2026-10"),
    "pangan_report_commodity_10.json": _ask_food(f"{REPORT}?filterBy=commodity&Id=10&yearMonth=2026-10"),
    "pangan_report_empty.json": _ask_food(f"{REPORT}?filterBy=market&Id=3&yearMonth=2025-10"),
    "pangan_error_unauthorized.json": _ask_food("v1/master-data/market", key="salah"),
    "pangan_error_throttled.json": _ask_throttled,
    "pangan_error_not_found.json": _ask_food(f"{NEWEST}/99"),
    "pangan_error_server.json": _ask_in_mode("error", _ask_food(f"{NEWEST}/3")),
}
"""The request of each recording, whose name begins with the agency's."""

RECORDED_HEADERS = ("content-type", "retry-after")


def to_index_entry(answer: AgencyAnswer) -> dict[str, object]:
    """The parts of an answer in the index, besides its body."""
    return {
        "status": answer.status,
        **{name: answer.headers[name] for name in RECORDED_HEADERS if name in answer.headers},
    }


def write_recordings(folder: Path) -> None:
    """Request every recording from the agencies and write it with the index."""
    folder.mkdir(parents=True, exist_ok=True)
    index = {}
    with tempfile.TemporaryDirectory() as state, ExitStack() as city:
        agencies = {name: city.enter_context(run_agency(name, Path(state))) for name in ("pbb", "crm", "pangan")}
        for name, ask in RECORDINGS.items():
            answer = ask(agencies[name.partition("_")[0]])
            (folder / name).write_bytes(answer.body)
            index[name] = to_index_entry(answer)
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_recordings(FOLDER)
