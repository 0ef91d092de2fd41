"""A stand-in over HTTP: it answers the requests of its samples, in the forms in which agencies fail."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import SampleReplies
from sandbox.stand_ins.sources import CITY_VARIABLE, StandInSource
from tests.sandbox.agency_requests import FORM, ask
from tests.sandbox_agencies import AgencyDidNotStartError, RunningAgency, run_agency, start_agency

MANIFEST = """
stage = "live"
[wire]
driver = "http"
url = "${SIMPUL_PARKIR_URL}"
credential.headers = { X-Kunci = "kunci ${SIMPUL_PARKIR_KEY}" }
credential.query = { app = "${SIMPUL_PARKIR_KEY}" }

[wire.credential.oauth2]
token_url = "${SIMPUL_PARKIR_URL}/oauth/token"
client_id = "hub"
client_secret = "${SIMPUL_PARKIR_SECRET}"

[reads.permits]
path = "v1/permits"
rows = "data.rows"
key = "holder.nib"
"""
REPLIES = {
    "GET v1/lots/7": {"id": 7},
    "GET v1/lots?near=-6.2,106.8&page=2": [],
    "POST v1/search nib=12&year=2026": {"rows": []},
    "GET feed.xml": "file:feed.xml",
    'POST v2/search {"nib": "12", "year": 2026}': {"rows": [1]},
    "GET v1/permits?nib={keys}": {"data": {"rows": [{"holder": {"nib": 1}}, {"holder": {"nib": "2"}}]}, "n": 2},
    'POST v1/permits {"nib": "{keys}"}': {"data": {"rows": [{"holder": {"nib": 1}}, {"holder": {"nib": "2"}}]}},
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
    form = {"grant_type": "client_credentials", "client_id": "hub", "client_secret": agency.secret}
    token = ask(agency, "POST", "/oauth/token", body=urlencode(form).encode(), headers={"Content-Type": FORM})
    return {"Authorization": f"Bearer {token.json['access_token']}", "X-Kunci": f"kunci {agency.secret}"}


@pytest.mark.parametrize(
    ("method", "path", "body", "reply"),
    [
        ("GET", "/v1/lots/7", None, b'{"id": 7}'),
        ("GET", "/v1/lots?page=2&near=-6.2%2C106.8", None, b"[]"),
        ("POST", "/v1/search", b"year=2026&nib=12", b'{"rows": []}'),
        ("GET", "/feed.xml", None, b"<feed/>"),
        ("POST", "/v2/search", b'{"year":2026,"nib":"12"}', b'{"rows": [1]}'),
        ("GET", "/v1/permits?nib=2,3", None, b'{"data": {"rows": [{"holder": {"nib": "2"}}]}, "n": 2}'),
        ("GET", "/v1/permits?nib=1&nib=3", None, b'{"data": {"rows": [{"holder": {"nib": 1}}]}, "n": 2}'),
        ("POST", "/v1/permits", b'{"nib":["1"]}', b'{"data": {"rows": [{"holder": {"nib": 1}}]}}'),
    ],
)
def test_a_recorded_request_has_its_reply(
    parkir: RunningAgency, method: str, path: str, body: bytes | None, reply: bytes
) -> None:
    kind = "application/json" if body and body.startswith(b"{") else FORM
    path += f"{'&' if '?' in path else '?'}app={parkir.secret}"
    answer = ask(parkir, method, path, body=body, headers={**headers_of(parkir), "Content-Type": kind})
    assert (answer.status, answer.body) == (HTTPStatus.OK, reply)


@pytest.mark.parametrize("path", ["/v1/lots/8", "/v1/lots?near=-6.2,106.8", "/expected.json"])
def test_any_other_request_is_not_found(parkir: RunningAgency, path: str) -> None:
    path += f"{'&' if '?' in path else '?'}app={parkir.secret}"
    assert ask(parkir, "GET", path, headers=headers_of(parkir)).status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("wrong", ["Authorization", "X-Kunci", "app"])
def test_each_wrong_part_of_the_credential_is_refused_and_counted(parkir: RunningAgency, wrong: str) -> None:
    headers = {**headers_of(parkir), wrong: "x"}
    parkir.reset_calls()
    path = f"/v1/lots/7?app={'x' if wrong == 'app' else parkir.secret}"
    assert ask(parkir, "GET", path, headers=headers).status == HTTPStatus.UNAUTHORIZED
    assert parkir.count_calls() == {"refused": 1}


def test_a_wrong_client_gets_no_token(parkir: RunningAgency) -> None:
    form = {"grant_type": "client_credentials", "client_id": "hub", "client_secret": "x"}
    answer = ask(parkir, "POST", "/oauth/token", body=urlencode(form).encode(), headers={"Content-Type": FORM})
    assert (answer.status, answer.json) == (HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"})


@pytest.mark.parametrize(("mode", "status"), [("error", 500), ("refuse", 401), ("rubbish", 200)])
def test_it_fails_as_agencies_do(parkir: RunningAgency, mode: str, status: int) -> None:
    with parkir.in_mode(mode):
        answer = ask(parkir, "GET", f"/v1/lots/7?app={parkir.secret}", headers=headers_of(parkir))
    assert answer.status == status
    assert answer.body != b'{"id": 7}'


def test_the_hub_gets_the_variables_of_the_wire(tmp_path: Path) -> None:
    source = write_source(tmp_path)
    url = source.build_url(port=1, user="u", secret="s")
    assert source.build_variables(url, user="u", secret="s") == {
        "SIMPUL_PARKIR_URL": "http://127.0.0.1:1",
        "SIMPUL_PARKIR_KEY": "s",
        "SIMPUL_PARKIR_SECRET": "s",
    }


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ({"v1/lots": []}, "lots.json of parkir: 'v1/lots' is not GET or POST and a path"),
        ({"GET x": "file:../../agencies/parkir.toml"}, "parkir.toml is missing; a reply of parkir names it."),
        ({"GET x": "file:none.xml"}, "none.xml is missing; a reply of parkir names it."),
        ({"GET x?id={keys}": []}, "parkir: no read with a key has the path of 'GET x?id={keys}'."),
    ],
)
def test_samples_that_cannot_be_served_are_named(tmp_path: Path, replies: Mapping[str, object], problem: str) -> None:
    with pytest.raises(CannotStartError) as refused:
        SampleReplies(write_source(tmp_path, replies=replies))
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
