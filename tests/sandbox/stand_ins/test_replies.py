"""A stand-in over HTTP: it answers the requests of its samples, in the forms in which agencies fail."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

import pytest

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import load_replies
from sandbox.stand_ins.sources import CITY_VARIABLE, StandInSource
from tests.sandbox.agency_requests import FORM, ask
from tests.sandbox_agencies import AgencyDidNotStartError, RunningAgency, run_agency, start_agency

MANIFEST = """
stage = "live"
[wire]
driver = "http"
url = "${SIMPUL_PARKIR_URL}"
headers = { Authorization = "Bearer ${SIMPUL_PARKIR_KEY}" }
"""
REPLIES = {
    "GET v1/lots/7": {"id": 7},
    "GET v1/lots?near=-6.2,106.8&page=2": [],
    "POST v1/search nib=12&year=2026": {"rows": []},
    "GET feed.xml": "file:feed.xml",
}


def write_source(folder: Path, manifest: str = MANIFEST, replies: Mapping[str, object] = REPLIES) -> StandInSource:
    source = StandInSource(folder, "parkir")
    (folder / "agencies").mkdir()
    (folder / "agencies" / "parkir.toml").write_text(manifest)
    source.samples.mkdir(parents=True)
    (source.samples / "lots.json").write_text(json.dumps(replies))
    (source.samples / "feed.xml").write_text("<feed/>")
    (source.samples / "expected.json").write_text("[]")
    return source


@pytest.fixture(scope="module")
def parkir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    source = write_source(tmp_path_factory.mktemp("city"))
    with run_agency(
        "parkir", tmp_path_factory.mktemp("parkir"), environment={CITY_VARIABLE: str(source.city)}
    ) as agency:
        yield agency


def headers_of(agency: RunningAgency) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {agency.secret}"}


@pytest.mark.parametrize(
    ("method", "path", "body", "reply"),
    [
        ("GET", "/v1/lots/7", None, b'{"id": 7}'),
        ("GET", "/v1/lots?page=2&near=-6.2%2C106.8", None, b"[]"),
        ("POST", "/v1/search", b"year=2026&nib=12", b'{"rows": []}'),
        ("GET", "/feed.xml", None, b"<feed/>"),
    ],
)
def test_a_recorded_request_has_its_reply(
    parkir: RunningAgency, method: str, path: str, body: bytes | None, reply: bytes
) -> None:
    answer = ask(parkir, method, path, body=body, headers={**headers_of(parkir), "Content-Type": FORM})
    assert (answer.status, answer.body) == (HTTPStatus.OK, reply)


@pytest.mark.parametrize("path", ["/v1/lots/8", "/v1/lots?near=-6.2,106.8", "/expected.json"])
def test_any_other_request_is_not_found(parkir: RunningAgency, path: str) -> None:
    assert ask(parkir, "GET", path, headers=headers_of(parkir)).status == HTTPStatus.NOT_FOUND


def test_a_wrong_header_is_refused_and_counted(parkir: RunningAgency) -> None:
    parkir.reset_calls()
    assert ask(parkir, "GET", "/v1/lots/7", headers={"Authorization": "Bearer x"}).status == HTTPStatus.UNAUTHORIZED
    assert parkir.count_calls() == {"refused": 1}


@pytest.mark.parametrize(("mode", "status"), [("error", 500), ("refuse", 401), ("rubbish", 200)])
def test_it_fails_as_agencies_do(parkir: RunningAgency, mode: str, status: int) -> None:
    with parkir.in_mode(mode):
        answer = ask(parkir, "GET", "/v1/lots/7", headers=headers_of(parkir))
    assert answer.status == status
    assert answer.body != b'{"id": 7}'


def test_the_hub_gets_the_variables_of_the_wire(tmp_path: Path) -> None:
    source = write_source(tmp_path)
    url = source.build_url(port=1, user="u", secret="s")
    assert source.build_variables(url, user="u", secret="s") == {
        "SIMPUL_PARKIR_URL": "http://127.0.0.1:1",
        "SIMPUL_PARKIR_KEY": "s",
    }


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ({"v1/lots": []}, "lots.json of parkir: 'v1/lots' is not GET or POST and a path"),
        ({"GET x": "file:../../agencies/parkir.toml"}, "parkir.toml is missing; a reply of parkir names it."),
        ({"GET x": "file:none.xml"}, "none.xml is missing; a reply of parkir names it."),
    ],
)
def test_samples_that_cannot_be_served_are_named(tmp_path: Path, replies: Mapping[str, object], problem: str) -> None:
    with pytest.raises(CannotStartError) as refused:
        load_replies(write_source(tmp_path, replies=replies))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ("[", "parkir.toml cannot be read: "),
        (MANIFEST.replace('"http"', '"telex"'), "no stand-in speaks the driver 'telex' of parkir."),
    ],
)
def test_a_manifest_that_no_stand_in_speaks_is_named(tmp_path: Path, manifest: str, problem: str) -> None:
    source = write_source(tmp_path, manifest)
    with pytest.raises(AgencyDidNotStartError) as refused:
        start_agency("parkir", tmp_path, environment={CITY_VARIABLE: str(source.city)})
    assert problem in str(refused.value)
    assert str(refused.value).count("\n") == 0
