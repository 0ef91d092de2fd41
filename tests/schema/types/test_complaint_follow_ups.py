"""Who may follow up which complaint: allowed, denied with a code, and in both cases no more asked than needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from auth.caller import Caller
from records.calls.failures import AgencyUnavailable
from records.command_state import CommandState
from records.complaints import (
    ComplaintPublishing,
    ComplaintStatus,
    ComplaintSupport,
    ComplaintWithdrawal,
    NewComplaint,
    NewComplaintComment,
    ResolutionRating,
)
from records.hub.commands import CommandReceipt, SubmittedCommand
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, CALLERS, NOW, PRIVATE, PUBLIC, SITI, complaint, receipt
from tests.schema.requests import IDS, get_codes, get_reasons, list_agency_calls, run

RESULT = "{ __typename ... on CommandReceipt { number } ... on CommandProblem { code field } "
SHOWN = "... on ComplaintPublication { description photoCount confirmation warning } "
ASK = "mutation($id: ID!, $forPerson: NIK"
COMMON = "id: $id, forPerson: $forPerson"
MUTATIONS = {
    "publishComplaint": f'{ASK}, $confirmation: String, $key: String = "1") {{ it: publishComplaint({COMMON},'
    f" confirmation: $confirmation, key: $key) {RESULT}{SHOWN}}} }}",
    "supportComplaint": f'{ASK}, $key: String = "1") {{ it: supportComplaint({COMMON}, key: $key) {RESULT}}} }}',
    "commentComplaint": f'{ASK}, $text: String = "Sudah?", $key: String = "1")'
    f" {{ it: commentComplaint({COMMON}, text: $text, key: $key) {RESULT}}} }}",
    "rateResolution": f'{ASK}, $rating: Int = 5, $text: String, $key: String = "1")'
    f" {{ it: rateResolution({COMMON}, rating: $rating, text: $text, key: $key) {RESULT}}} }}",
    "withdrawComplaint": f'{ASK}, $reason: String, $key: String = "1")'
    f" {{ it: withdrawComplaint({COMMON}, reason: $reason, key: $key) {RESULT}}} }}",
}
MUTATIONS = {name: text.replace("String =", "String! =").replace("Int =", "Int! =") for name, text in MUTATIONS.items()}
OF_REPORTERS = ("publishComplaint", "rateResolution", "withdrawComplaint")
NUMBER = "TT-26-SUBMITTED23"
SUBMITTED = replace(
    receipt(),
    number=NUMBER,
    case=NUMBER,
    state=CommandState.RETRY_WAIT,
    closed_at=None,
    payload=NewComplaint(category_code="C-1", description="Lampu", address="Jl. Melati"),
)
UNKNOWN = {"__typename": "CommandProblem", "code": "UNKNOWN_COMPLAINT", "field": "id"}


class City(SmallCity):
    """The small city, with own complaints of a chosen form."""

    own: Mapping[str, Any] = {}

    async def complaints_of(self, niks: Any, _call: Any) -> Any:  # noqa: ANN401 - of the fake
        private = complaint(PRIVATE, public=False, reporter=SITI, **self.own)
        public = complaint(PUBLIC, public=True, reporter=SITI, **self.own)
        return self._answers("crm", "complaints_of", niks, {SITI: (private, public)})


def build_city(own: Mapping[str, Any] | None = None, **more: Any) -> City:  # noqa: ANN401 - of the fake
    city = City(**more)
    city.own = {} if own is None else own
    return city


async def give(
    name: str,
    id_: str,
    city: SmallCity,
    *,
    caller: str | Caller = "the person",
    **given: Any,  # noqa: ANN401 - JSON
) -> Any:  # noqa: ANN401 - JSON
    variables = {"id": IDS.seal("Complaint", id_), **given}
    response = await run(MUTATIONS[name], variables, caller=caller, city=city)
    assert get_codes(response) == []
    return (response.data or {})["it"]


class TestAllowed:
    @pytest.mark.parametrize(
        ("name", "own", "payload", "given"),
        [
            ("commentComplaint", {}, NewComplaintComment(text="Sudah?"), {}),
            (
                "rateResolution",
                {"rating": None, "status": ComplaintStatus.RESOLVED},
                ResolutionRating(rating=5, text="Cepat"),
                {"text": "Cepat"},
            ),
            ("withdrawComplaint", {}, ComplaintWithdrawal(reason="Salah"), {"reason": "Salah"}),
        ],
    )
    async def test_reporters_follow_up_their_own_private_complaint(
        self, name: str, own: Mapping[str, Any], payload: object, given: Mapping[str, Any]
    ) -> None:
        city = build_city(own)
        assert (await give(name, PRIVATE, city, **given))["__typename"] == "CommandReceipt"
        [accepted] = city.accepted_commands
        assert (accepted.subject, accepted.case, accepted.payload) == (SITI, PRIVATE, payload)

    @pytest.mark.parametrize(
        ("name", "payload"),
        [("supportComplaint", ComplaintSupport()), ("commentComplaint", NewComplaintComment(text="Sudah?"))],
    )
    async def test_any_citizen_supports_and_comments_a_public_complaint(self, name: str, payload: object) -> None:
        city = SmallCity()
        assert (await give(name, PUBLIC, city, caller="another citizen"))["__typename"] == "CommandReceipt"
        [accepted] = city.accepted_commands
        assert (accepted.subject, accepted.case, accepted.payload) == (BUDI, PUBLIC, payload)

    @pytest.mark.parametrize("name", MUTATIONS)
    async def test_a_repetition_with_the_same_key_has_its_receipt_and_asks_no_agency(self, name: str) -> None:
        city = SmallCity()
        confirmation = {"confirmation": "expired since"} if name == "publishComplaint" else {}
        answer = await give(name, PRIVATE, city, key="repeated", **confirmation)
        assert answer["__typename"] == "CommandReceipt"
        assert (city.calls, city.accepted_commands) == ([], [])

    async def test_an_assistant_comments_in_the_name_of_the_person(self) -> None:
        city = SmallCity()
        assistant = replace(CALLERS["another citizen"], on_behalf_of=SITI)
        answer = await give("commentComplaint", PRIVATE, city, caller=assistant, forPerson=SITI)
        assert answer["__typename"] == "CommandReceipt"
        assert [each.subject for each in city.accepted_commands] == [SITI]


class TestDenied:
    @pytest.mark.parametrize("name", MUTATIONS)
    @pytest.mark.parametrize(
        ("caller", "person", "reason"),
        [
            ("anonymous", None, "SIGN_IN"),
            ("an official", None, "NOT_FOR_OFFICIALS"),
            ("another citizen", SITI, "NOT_YOURS"),
            (
                replace(CALLERS["the person"], first_party=False, scopes=frozenset({"citizen:complaints"})),
                None,
                "FIRST_PARTY_ONLY",
            ),
            (replace(CALLERS["another citizen"], on_behalf_of=SITI), None, "NOT_YOURS"),
        ],
        ids=["anonymous", "official", "other person", "third-party app", "assistant for themselves"],
    )
    async def test_nobody_else_gives_a_command_and_nothing_is_asked(
        self, name: str, caller: str | Caller, person: str | None, reason: str
    ) -> None:
        city = SmallCity()
        variables = {"id": IDS.seal("Complaint", PRIVATE), "forPerson": person}
        response = await run(MUTATIONS[name], variables, caller=caller, city=city)
        assert [code for _, code in get_codes(response)] == ["FORBIDDEN"]
        assert [each for _, each in get_reasons(response)] == [reason]
        assert (city.calls, city.accepted_commands) == ([], [])

    @pytest.mark.parametrize("name", MUTATIONS)
    async def test_a_private_complaint_of_another_person_is_as_unknown_as_a_missing_one(self, name: str) -> None:
        for id_ in (PRIVATE, "9999"):
            city = SmallCity()
            assert await give(name, id_, city, caller="another citizen") == UNKNOWN
            assert city.accepted_commands == []
            asked = [question for _, question, _ in list_agency_calls(city, CALLERS["another citizen"])]
            public, own = ["complaints"], ["complaints_of"]
            assert asked == (own if name in OF_REPORTERS else public if name == "supportComplaint" else public + own)

    @pytest.mark.parametrize("name", OF_REPORTERS)
    async def test_a_public_complaint_of_another_person_is_not_theirs_to_end(self, name: str) -> None:
        city = SmallCity()
        assert await give(name, PUBLIC, city, caller="another citizen") == UNKNOWN
        assert city.accepted_commands == []

    @pytest.mark.parametrize(
        ("name", "id_", "own", "code"),
        [
            ("supportComplaint", PUBLIC, {}, "OWN_COMPLAINT"),
            ("publishComplaint", PUBLIC, {}, "ALREADY_DONE"),
            ("rateResolution", PRIVATE, {"status": ComplaintStatus.RESOLVED}, "ALREADY_DONE"),
            ("rateResolution", PRIVATE, {"rating": None}, "NOT_RESOLVED"),
            ("rateResolution", PRIVATE, {"rating": None, "status": ComplaintStatus.WITHDRAWN}, "NOT_RESOLVED"),
            ("withdrawComplaint", PRIVATE, {"resolved_at": NOW}, "NOT_OPEN"),
        ],
    )
    async def test_what_the_complaint_does_not_allow_is_a_problem(
        self, name: str, id_: str, own: Mapping[str, Any], code: str
    ) -> None:
        city = build_city(own)
        assert (await give(name, id_, city))["code"] == code
        assert city.accepted_commands == []

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("publishComplaint", "publish_complaint"),
            ("supportComplaint", "support_complaint"),
            ("rateResolution", "rate_resolution"),
            ("withdrawComplaint", "withdraw_complaint"),
        ],
    )
    async def test_what_is_on_its_way_is_done_and_asks_no_agency(self, name: str, kind: str) -> None:
        pending = replace(SUBMITTED, number="TT-1", kind=kind, case=PRIVATE, payload=None)
        city = SmallCity(receipts=[pending])
        assert (await give(name, PRIVATE, city))["code"] == "ALREADY_DONE"
        assert (city.calls, city.accepted_commands) == ([], [])
        refused = build_city(
            {"rating": None, "status": ComplaintStatus.RESOLVED},
            receipts=[replace(pending, state=CommandState.REJECTED)],
        )
        assert (await give(name, PRIVATE, refused)).get("code") != "ALREADY_DONE"

    @pytest.mark.parametrize(
        ("name", "given", "code", "field"),
        [
            ("commentComplaint", {"text": ""}, "INVALID_TEXT", "text"),
            ("commentComplaint", {"text": "x" * 1_001}, "INVALID_TEXT", "text"),
            ("rateResolution", {"rating": 0}, "INVALID_RATING", "rating"),
            ("rateResolution", {"rating": 6}, "INVALID_RATING", "rating"),
            ("rateResolution", {"text": " "}, "INVALID_TEXT", "text"),
            ("withdrawComplaint", {"reason": "a\ud800b"}, "INVALID_TEXT", "reason"),
        ],
    )
    async def test_wrong_input_is_a_problem_with_its_field_and_asks_nothing(
        self, name: str, given: Mapping[str, Any], code: str, field: str
    ) -> None:
        city = SmallCity()
        assert await give(name, PRIVATE, city, **given) == {
            "__typename": "CommandProblem",
            "code": code,
            "field": field,
        }
        assert (city.calls, city.accepted_commands) == ([], [])

    @pytest.mark.parametrize("id_", ["", "x" * 40, IDS.seal("Region", "31.71")])
    async def test_an_id_of_something_else_is_refused(self, id_: str) -> None:
        city = SmallCity()
        response = await run(MUTATIONS["commentComplaint"], {"id": id_}, caller="the person", city=city)
        assert get_codes(response) == [("it", "BAD_USER_INPUT")]
        assert (city.calls, city.accepted_commands) == ([], [])


class TestThePublication:
    async def test_it_needs_the_confirmation_of_what_was_shown(self) -> None:
        city = SmallCity()
        shown = await give("publishComplaint", PRIVATE, city)
        assert (shown["__typename"], shown["description"], shown["photoCount"]) == (
            "ComplaintPublication",
            "Lubang",
            1,
        )
        assert shown["warning"].startswith("Semua orang akan melihat")
        assert city.accepted_commands == []
        receipt_ = await give("publishComplaint", PRIVATE, city, confirmation=shown["confirmation"])
        assert receipt_["__typename"] == "CommandReceipt"
        [accepted] = city.accepted_commands
        assert (accepted.name, accepted.case, accepted.payload) == (
            "publish_complaint",
            PRIVATE,
            ComplaintPublishing(),
        )

    async def test_other_content_needs_another_confirmation(self) -> None:
        shown = await give("publishComplaint", PRIVATE, SmallCity())
        city = build_city({"description": "Lubang di depan rumah Bu Ani"})
        problem = await give("publishComplaint", PRIVATE, city, confirmation=shown["confirmation"])
        assert (problem["code"], problem["field"]) == ("CONFIRMATION_INVALID", "confirmation")
        assert city.accepted_commands == []


class TestWhileTheAgencyFails:
    @pytest.mark.parametrize("name", ["commentComplaint", "rateResolution", "withdrawComplaint"])
    async def test_what_was_submitted_through_the_hub_is_followed_up_in_its_order(self, name: str) -> None:
        city = SmallCity(failing_agencies={"crm"}, receipts=[SUBMITTED])
        assert (await give(name, NUMBER, city))["__typename"] == "CommandReceipt"
        [accepted] = city.accepted_commands
        assert (accepted.case, accepted.agency) == (NUMBER, "crm")

    async def test_the_agencys_id_of_a_submission_is_the_same_case(self) -> None:
        delivered = replace(SUBMITTED, state=CommandState.DONE, agency_id="17")
        city = SmallCity(receipts=[delivered])
        await give("commentComplaint", "17", city)
        assert [each.case for each in city.accepted_commands] == [NUMBER]
        assert city.calls == []

    async def test_its_publication_shows_what_was_written(self) -> None:
        city = SmallCity(failing_agencies={"crm"}, receipts=[SUBMITTED])
        shown = await give("publishComplaint", NUMBER, city)
        assert (shown["description"], shown["photoCount"]) == ("Lampu", 0)

    @pytest.mark.parametrize("made", [[], [replace(SUBMITTED, state=CommandState.REJECTED)]])
    @pytest.mark.parametrize("name", OF_REPORTERS)
    async def test_any_other_complaint_cannot_be_checked(self, name: str, made: list[CommandReceipt]) -> None:
        city = SmallCity(failing_agencies={"crm"}, receipts=made)
        variables = {"id": IDS.seal("Complaint", NUMBER)}
        response = await run(MUTATIONS[name], variables, caller="the person", city=city)
        assert get_codes(response) == [("it", AgencyUnavailable.code)]
        assert city.accepted_commands == []


async def test_a_writer_sees_a_pending_change_of_a_public_complaint_and_nobody_else_does() -> None:
    change = SubmittedCommand(
        subject=BUDI,
        number="TT-1",
        agency="crm",
        case=PUBLIC,
        state=CommandState.SENDING,
        accepted_at=NOW,
        closed_at=None,
        agency_id=None,
        payload=ComplaintSupport(),
    )
    node = f'{{ node(id: "{IDS.seal("Complaint", PUBLIC)}") {{ ... on Complaint {{ supportCount }} }} }}'
    for caller, count in (("another citizen", 4), ("the person", 3), ("anonymous", 3), ("an official", 3)):
        response = await run(node, caller=caller, city=SmallCity(open_changes=[change]))
        assert (response.data or {})["node"] == {"supportCount": count}, caller
