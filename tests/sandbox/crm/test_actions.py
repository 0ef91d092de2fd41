"""The complaint system takes actions of people, stores the client's reference, and refuses wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.population.city_population import SAMPLES
from tests.sandbox.agency_requests import AgencyAnswer, ask_open311
from tests.sandbox_agencies import RunningAgency, run_agency

SITI, BUDI = (SAMPLES[name].nik for name in ("siti", "budi"))
LAMP = {"service_code": "1202", "description": "Lampu mati", "region": "31.71.01.1001", "reporter": SITI}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they change it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm")) as agency:
        yield agency


def post(desk: RunningAgency, path: str, *, key: str | None = None, **form: str) -> AgencyAnswer:
    return ask_open311(desk, path, key=desk.secret if key is None else key, form=form)


def submit(desk: RunningAgency, *, public: bool = False) -> int:
    visibility = {} if public else {"visibility": "PRIVATE"}
    answer = post(desk, "requests.json", **LAMP, **visibility)
    assert answer.status == 200
    number: int = answer.json[0]["service_request_id"]
    return number


def act(desk: RunningAgency, id_: int, kind: str, person: str = SITI, **form: str) -> int:
    return post(desk, f"requests/{id_}/{kind}.json", person=person, **form).status


def load(desk: RunningAgency, id_: int) -> Any:  # noqa: ANN401 - JSON
    form = {"service_request_id": str(id_), "extensions": "true"}
    [row] = post(desk, "requests/search.json", **form).json
    return row


def test_a_publication_makes_a_complaint_public_once(desk: RunningAgency) -> None:
    id_ = submit(desk)
    assert load(desk, id_)["extended_attributes"]["visibility"] == "PRIVATE"
    assert act(desk, id_, "publication") == 201
    assert load(desk, id_)["extended_attributes"]["visibility"] == "PUBLIC"
    assert id_ in [each.get("service_request_id") for each in ask_open311(desk, "requests.json").json]
    assert act(desk, id_, "publication") == 409


def test_supporters_are_counted_once_and_reporters_are_none(desk: RunningAgency) -> None:
    id_ = submit(desk, public=True)
    assert [act(desk, id_, "support", BUDI), act(desk, id_, "support", BUDI), act(desk, id_, "support")] == [
        201,
        409,
        400,
    ]
    assert load(desk, id_)["extended_attributes"]["support_count"] == 1


def test_comments_say_whether_the_reporter_wrote_them_and_no_name(desk: RunningAgency) -> None:
    id_ = submit(desk, public=True)
    assert act(desk, id_, "comment", text="Masih mati.") == 201
    assert act(desk, id_, "comment", BUDI, text="Benar.") == 201
    row = load(desk, id_)
    assert [(each["text"], each["author"]) for each in row["comments"]] == [
        ("Masih mati.", "REPORTER"),
        ("Benar.", "CITIZEN"),
    ]
    assert BUDI not in str(row)
    assert [act(desk, id_, "comment", text=text) for text in ("", " ", "x" * 2_001)] == [400, 400, 400]


def test_a_rating_needs_a_resolution_and_is_given_once(desk: RunningAgency) -> None:
    id_ = submit(desk)
    assert act(desk, id_, "rating", rating="5") == 409
    desk.resolve_complaint(load(desk, id_)["extended_attributes"]["report_number"])
    assert [act(desk, id_, "rating", rating=each) for each in ("0", "6", "x", "")] == [400] * 4
    assert [act(desk, id_, "rating", rating="4"), act(desk, id_, "rating", rating="1")] == [201, 409]
    row = load(desk, id_)
    assert (row["status"], row["extended_attributes"]["rating"]) == ("closed", 4)
    assert act(desk, id_, "withdrawal") == 409


def test_a_withdrawal_closes_an_open_complaint(desk: RunningAgency) -> None:
    id_ = submit(desk)
    assert [act(desk, id_, "withdrawal"), act(desk, id_, "withdrawal")] == [201, 409]
    row = load(desk, id_)
    assert (row["status"], row["extended_attributes"]["status_code"]) == ("closed", "DICABUT")


@pytest.mark.parametrize("kind", ["publication", "support", "comment", "rating", "withdrawal"])
def test_a_private_complaint_is_unknown_to_others(desk: RunningAgency, kind: str) -> None:
    id_ = submit(desk)
    assert act(desk, id_, kind, BUDI, text="x", rating="5") == 404
    assert act(desk, 99_999_999, kind, text="x", rating="5") == 404


def test_actions_are_found_by_their_reference_with_copies(desk: RunningAgency) -> None:
    id_ = submit(desk)
    for _ in range(2):
        act(desk, id_, "comment", text="Dua kali", reference="TT-26-COPIES2345")
    found = post(desk, "actions/search.json", reference="TT-26-COPIES2345").json
    assert [(each["reference"], each["service_request_id"], each["action"]) for each in found] == [
        ("TT-26-COPIES2345", id_, "comment"),
        ("TT-26-COPIES2345", id_, "comment"),
    ]
    assert post(desk, "actions/search.json", reference="TT-26-NOTHING234").json == []
    assert post(desk, "actions/search.json", reference="").json == []


def test_actions_need_the_key(desk: RunningAgency) -> None:
    id_ = submit(desk)
    assert ask_open311(desk, f"requests/{id_}/comment.json", form={"person": SITI, "text": "x"}).status == 403
    assert ask_open311(desk, "actions/search.json", form={"reference": "x"}).status == 403
    assert post(desk, f"requests/{id_}/comment.json", key="wrong", person=SITI, text="x").status == 403


def test_what_was_answered_survives_a_kill(desk: RunningAgency) -> None:
    id_ = submit(desk)
    assert act(desk, id_, "comment", text="Sebelum mati", reference="TT-26-SURVIVES23") == 201
    desk.kill()
    desk.restart()
    assert [each["text"] for each in load(desk, id_)["comments"]] == ["Sebelum mati"]
    assert len(post(desk, "actions/search.json", reference="TT-26-SURVIVES23").json) == 1
