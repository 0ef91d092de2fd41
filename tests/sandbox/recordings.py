"""The answers of the HTTP agencies that connectors are tested with, as they were really given.

`python -m tests.sandbox.recordings` asks the agencies and writes `tests/connectors/recorded/`;
`test_recordings.py` asks again and compares, so that no recording outlives what it recorded.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.city import RunningAgency, started
from tests.sandbox.asking import Answer, ask, food, open311, setting, soap

FOLDER = Path(__file__).resolve().parent.parent / "connectors" / "recorded"
INDEX = "index.json"

SITI, BUDI, DEWI, AGUS = "3171014506909001", "3171021708889002", "3174055203559003", "3672010101009004"
MANY_QUIRKS = "3174021407919000"
"""Owner of bare land and an object without RT, with cancelled payments, freed, reduced and unpaid bills, accents."""
SITIS_HOME = "317302000300300410"
BOTH = f"{SITI},{BUDI}"

Ask = Callable[[RunningAgency], Answer]


def _closed(pbb: RunningAgency) -> Answer:
    with setting(pbb, "/hours", {"open": False}, back={"open": True}):
        return soap(pbb, "GetObjekByNik", SITI)


def _in_mode(mode: str, asked: Ask) -> Ask:
    def answer(agency: RunningAgency) -> Answer:
        with agency.in_mode(mode):
            return asked(agency)

    return answer


def _throttled(pangan: RunningAgency) -> Answer:
    with setting(pangan, "/rate", {"per_second": 0.5}, back={"per_second": 0}):
        return [food(pangan, "v1/master-data/market?search_text=senen") for _ in range(6)][-1]


def _searched(form: Mapping[str, str]) -> Ask:
    return lambda crm: open311(crm, "requests/search.json", key=crm.secret, form=form)


def _soap(operation: str, value: str, secret: str | None = None) -> Ask:
    return lambda pbb: soap(pbb, operation, value, secret=secret)


def _crm(path: str, key: str | None = None) -> Ask:
    return lambda crm: open311(crm, path, key=key)


def _food(path: str, key: str | None = None) -> Ask:
    return lambda pangan: food(pangan, path, key=key)


NEWEST, REPORT = "v2/public/master-data/commodity/markets", "v1/public/report"

RECORDINGS: Mapping[str, Ask] = {
    "pbb_objects_siti.xml": _soap("GetObjekByNik", SITI),
    "pbb_objects_dewi.xml": _soap("GetObjekByNik", DEWI),
    "pbb_objects_many_quirks.xml": _soap("GetObjekByNik", MANY_QUIRKS),
    "pbb_objects_unknown_nik.xml": _soap("GetObjekByNik", AGUS),
    "pbb_objects_invalid_nik.xml": _soap("GetObjekByNik", "31710145069090"),
    "pbb_objects_closed.xml": _closed,
    "pbb_objects_rubbish.xml": _in_mode("rubbish", _soap("GetObjekByNik", SITI)),
    "pbb_bills_sitis_home.xml": _soap("GetTagihan", SITIS_HOME),
    "pbb_bills_unknown_nop.xml": _soap("GetTagihan", "1" * 18),
    "pbb_fault_server.xml": _in_mode("error", _soap("GetObjekByNik", SITI)),
    "pbb_fault_refused.xml": _soap("GetObjekByNik", SITI, secret="salah"),
    "pbb_fault_soap12_shape.xml": lambda pbb: ask(pbb, "POST", "/services/pbb", body=b"<s:Envelope"),
    "crm_services.json": _crm("services.json"),
    "crm_service_flood.json": _crm("services/1001.json"),
    "crm_requests_page.json": _crm("requests.json?extensions=true&page_size=20"),
    "crm_requests_plain.json": _crm("requests.json?page_size=12"),
    "crm_requests_by_reporter.json": _searched({"reporter": BOTH, "extensions": "true"}),
    "crm_requests_by_reporter_nobody.json": _searched({"reporter": DEWI, "extensions": "true"}),
    "crm_requests_by_id.json": _searched({"service_request_id": "10000884,10000777,999", "extensions": "true"}),
    "crm_request_single.json": _crm("requests/10000777.json?extensions=true"),
    "crm_error_not_found.json": _crm("requests/1.json"),
    "crm_error_unclear.json": _crm("requests.json?start_date=kemarin"),
    "crm_error_server.json": _in_mode("error", _crm("services.json")),
    "crm_error_forbidden.json": _crm("services.json", key="salah"),
    "crm_rubbish.html": _in_mode("rubbish", _crm("services.json")),
    "pangan_markets.json": _food("v1/master-data/market?search_text="),
    "pangan_markets_search.json": _food("v1/master-data/market?search_text=senen"),
    "pangan_newest_market_3.json": _food(f"{NEWEST}/3"),
    "pangan_newest_closed_market_20.json": _food(f"{NEWEST}/20"),
    "pangan_newest_all.json": _food(f"{NEWEST}/0"),
    "pangan_report_market_3.json": _food(f"{REPORT}?filterBy=market&Id=3&yearMonth=2026-10"),
    "pangan_report_commodity_10.json": _food(f"{REPORT}?filterBy=commodity&Id=10&yearMonth=2026-10"),
    "pangan_report_empty.json": _food(f"{REPORT}?filterBy=market&Id=3&yearMonth=2025-10"),
    "pangan_error_unauthorized.json": _food("v1/master-data/market", key="salah"),
    "pangan_error_throttled.json": _throttled,
    "pangan_error_not_found.json": _food(f"{NEWEST}/99"),
    "pangan_error_server.json": _in_mode("error", _food(f"{NEWEST}/3")),
}
"""How each recording is asked for; its name begins with the agency's."""

KEPT_HEADERS = ("content-type", "retry-after")


def told(answer: Answer) -> dict[str, object]:
    """What the index keeps of an answer beside its body."""
    return {"status": answer.status, **{name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}}


def write(folder: Path) -> None:
    """Asks the agencies for every recording and writes them with their index."""
    folder.mkdir(parents=True, exist_ok=True)
    index = {}
    with tempfile.TemporaryDirectory() as state, ExitStack() as city:
        agencies = {name: city.enter_context(started(name, Path(state))) for name in ("pbb", "crm", "pangan")}
        for name, asked in RECORDINGS.items():
            answer = asked(agencies[name.partition("_")[0]])
            (folder / name).write_bytes(answer.body)
            index[name] = told(answer)
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
