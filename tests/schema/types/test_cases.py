"""The inbox of a person: all matters as cases, each agency once, and what failed is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.policy.rules import Rule
from engine.document.limits import Limits
from engine.plan.explanation import explain_plan
from engine.request import GraphQLRequest
from records.calls.answers import Answers
from records.calls.call import Call
from records.cases import CaseKey, CaseKind
from records.command_state import CommandState
from records.complaints import (
    Complaint,
    ComplaintComment,
    ComplaintEvent,
    ComplaintStatus,
    ComplaintVisibility,
    NewComplaint,
    NewComplaintComment,
)
from records.hub.commands import CommandProblemCode, CommandReceipt, CommandStep
from records.hub.consents import ConsentPage, ConsentRequest, ConsentState
from records.hub.data_requests import DataRequestKind, DataRequestPage, DataRequestQuery, DataRequestState
from records.identifiers import Nik
from records.languages import Language
from resolvers.cases.inbox import SOURCES
from schema.declarations.publishing import get_publication
from schema.types.commands import CommandReceiptType
from schema.types.complaints import ComplaintType
from schema.types.consents import ConsentType
from schema.types.data_requests import DataRequestType
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import (
    AYU,
    BUDI,
    CALL,
    CALLERS,
    NOW,
    PRIVATE,
    SITI,
    complaint,
    consent,
    consent_request,
    data_request,
    receipt,
)
from tests.schema.requests import IDS, build_engine, get_codes, get_reasons, run, run_for_data

ALL = "{ me { cases(first: 50) { totalCount unseenCount nodes { title state seen } pageInfo { hasNextPage } } } }"
HOUR = timedelta(hours=1)
ENGLISH = replace(CALL, language=Language.ENGLISH)
ASSISTANT = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, on_behalf_of=SITI)
CHILDS_CASES = f'{{ citizen(nik: "{AYU}") {{ cases {{ nodes {{ kind }} }} }} }}'
PUBLISHED = {
    CaseKind.COMPLAINT: (ComplaintType,),
    CaseKind.DATA_REQUEST: (DataRequestType,),
    CaseKind.CONSENT: (ConsentType,),
}


@dataclass
class CityOfCases(SmallCity):
    """The small city with complaints, receipts and consents that a test chooses."""

    complaints_of_siti: tuple[Complaint, ...] = ()
    receipts_of_siti: tuple[CommandReceipt, ...] = ()
    states: dict[str, Any] = field(default_factory=dict)
    """State of the data request and of the consent."""

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        return self._answers("crm", "complaints_of", niks, {SITI: self.complaints_of_siti})

    async def receipts_of(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[CommandReceipt]]:
        return self._answers("hub", "receipts_of", people, {SITI: self.receipts_of_siti})

    async def request_pages(
        self, queries: Sequence[DataRequestQuery], _call: Call
    ) -> Answers[DataRequestQuery, DataRequestPage]:
        page = DataRequestPage(requests=(), has_more=False)
        return self._answers("hub", "request_pages", queries, dict.fromkeys(queries, page))

    async def waiting_requests_of(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[ConsentRequest]]:
        return self._answers("hub", "waiting_requests_of", people, {})

    async def consent_pages(self, queries: Any, _call: Call) -> Any:  # noqa: ANN401 - as its base class
        page = ConsentPage(consents=(), has_more=False)
        return self._answers("hub", "consent_pages", queries, dict.fromkeys(queries, page))


def build_event(hours: int, status: ComplaintStatus, note: str | None = None) -> ComplaintEvent:
    return ComplaintEvent(
        sequence=hours,
        at=NOW + hours * HOUR,
        status=status,
        note=note,
        agency="Bina Marga",
        complaint_is_public=False,
        reporter=SITI,
    )


def build_complaint(**more: Any) -> Complaint:  # noqa: ANN401 - fields of the record
    values = {"delivery": None, "updated_at": None, "rating": None, "reported_at": NOW, "events": ()}
    return complaint(PRIVATE, public=False, reporter=SITI, **(values | more))


def build_receipt(*states: CommandState, text: str = "Lampu mati") -> CommandReceipt:
    return replace(
        receipt(),
        state=states[-1],
        steps=tuple(CommandStep(at=NOW + hours * HOUR, state=each) for hours, each in enumerate(states)),
        payload=NewComplaint(category_code="C-1", description=text),
        case=receipt().number,
    )


async def load_case(selection: str, city: SmallCity, caller: str | Caller = "the person") -> Mapping[str, Any]:
    """The only case of Siti."""
    query = f"{{ me {{ cases(filter: {{kinds: [COMPLAINT]}}) {{ nodes {{ {selection} }} }} }} }}"
    response = await run(query, caller=caller, city=city, call=ENGLISH)
    assert get_codes(response) == []
    [found] = (response.data or {})["me"]["cases"]["nodes"]
    case: Mapping[str, Any] = found
    return case


async def test_the_inbox_holds_every_kind_last_change_first() -> None:
    found = await run_for_data(ALL, caller="the person", call=ENGLISH)
    assert found["me"]["cases"] == {
        "totalCount": 5,
        "unseenCount": 5,
        "nodes": [
            {"title": "Correct data about you: dukcapil (en)", "state": "WAITING_FOR_AGENCY", "seen": False},
            {"title": "Your consent to Bank Betawi", "state": "ACTIVE", "seen": False},
            {"title": "Bank Betawi asks for your consent", "state": "WAITING_FOR_YOU", "seen": False},
            {"title": "Complaint: Jalan", "state": "WAITING_FOR_HUB", "seen": False},
            {"title": "Complaint: Jalan", "state": "WAITING_FOR_HUB", "seen": False},
        ],
        "pageInfo": {"hasNextPage": False},
    }


async def test_each_source_is_read_once_for_any_number_of_cases() -> None:
    city = CityOfCases(complaints_of_siti=tuple(build_complaint(id=f"C-{each}") for each in range(200)))
    query = """{ me { a: cases(first: 100) { nodes { title nextStep { what } activities { text } actions { name }
        subject { ... on Complaint { number } } } } b: cases(first: 1, filter: {open: true}) { totalCount } } }"""
    found = await run_for_data(query, caller="the person", city=city)
    assert (len(found["me"]["a"]["nodes"]), found["me"]["b"]["totalCount"]) == (100, 200)
    assert sorted(each[:2] for each in city.calls) == [
        ("crm", "complaints_of"),
        ("hub", "consent_pages"),
        ("hub", "receipts_of"),
        ("hub", "request_pages"),
        ("hub", "waiting_requests_of"),
    ]


async def test_kinds_that_are_not_wanted_are_not_read() -> None:
    city = CityOfCases()
    await run_for_data(
        "{ me { cases(filter: {kinds: [DATA_REQUEST]}) { totalCount } } }", caller="the person", city=city
    )
    assert [each[:2] for each in city.calls] == [("hub", "request_pages")]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ("{}", 5),
        ("{kinds: [CONSENT]}", 2),
        ("{kinds: []}", 0),
        ("{open: true}", 4),
        ("{open: false}", 1),
        ("{unseen: true}", 5),
        ("{unseen: false}", 0),
        ("{kinds: [CONSENT], open: true, unseen: true}", 1),
    ],
)
async def test_all_given_conditions_must_match(given: str, count: int) -> None:
    found = await run_for_data(
        f"{{ me {{ cases(filter: {given}) {{ totalCount nodes {{ id }} }} }} }}", caller="the person"
    )
    assert (found["me"]["cases"]["totalCount"], len(found["me"]["cases"]["nodes"])) == (count, count)


async def test_pages_follow_each_other_without_gap_or_repetition() -> None:
    page_info = "pageInfo { hasNextPage endCursor }"
    query = f"query ($after: String) {{ me {{ cases(first: 2, after: $after) {{ nodes {{ id }} {page_info} }} }} }}"
    seen: list[str] = []
    after, more = None, True
    while more:
        page = (await run_for_data(query, {"after": after}, caller="the person"))["me"]["cases"]
        seen += [each["id"] for each in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert (len(seen), len(set(seen))) == (5, 5)
    assert SITI not in str(after)


@pytest.mark.parametrize("arguments", ["first: 0", "first: 101", 'after: "x"'])
async def test_a_page_out_of_bounds_is_refused_before_anything_is_read(arguments: str) -> None:
    city = CityOfCases()
    response = await run(f"{{ me {{ nik cases({arguments}) {{ totalCount }} }} }}", caller="the person", city=city)
    assert get_codes(response) == [("me.cases", "BAD_USER_INPUT")]
    assert city.calls == []


async def test_an_agency_that_is_down_costs_its_own_cases_and_is_named() -> None:
    response = await run(ALL, caller="the person", city=SmallCity(failing_agencies={"crm"}))
    found = (response.data or {})["me"]["cases"]
    assert (len(found["nodes"]), found["totalCount"], found["unseenCount"]) == (3, None, None)
    assert response.errors == []
    assert response.extensions["incomplete"] == [
        {"path": ["me", "cases"], "agency": "crm", "code": "AGENCY_UNAVAILABLE"}
    ]


async def test_if_no_source_answers_the_list_fails_with_the_code() -> None:
    query = "{ me { nik cases(filter: {kinds: [COMPLAINT]}) { totalCount } } }"
    response = await run(query, caller="the person", city=CityOfCases(failing_agencies={"crm", "hub"}))
    assert response.data == {"me": {"nik": SITI, "cases": None}}
    assert get_codes(response) == [("me.cases", "AGENCY_UNAVAILABLE")]


async def test_without_marks_nothing_is_called_seen_or_unseen() -> None:
    response = await run(ALL, caller="the person", city=SmallCity(failing_agencies={"marks"}))
    assert response.data == {"me": {"cases": None}}
    assert get_codes(response) == [("me.cases", "CASES_UNAVAILABLE")]


async def test_a_submitted_complaint_is_a_case_while_its_agency_is_down() -> None:
    city = CityOfCases(failing_agencies={"crm"}, receipts_of_siti=(build_receipt(CommandState.ACCEPTED),))
    found = await run(
        "{ me { cases { nodes { title state subject { __typename } } } } }",
        caller="the person",
        city=city,
        call=ENGLISH,
    )
    assert (found.data or {})["me"]["cases"]["nodes"] == [
        {"title": "Complaint: Lampu mati", "state": "WAITING_FOR_HUB", "subject": {"__typename": "Complaint"}}
    ]


@pytest.mark.parametrize(
    ("state", "shown", "by", "what"),
    [
        (CommandState.ACCEPTED, "WAITING_FOR_HUB", "hub (en)", "Deliver it to the complaint system"),
        (CommandState.UNKNOWN, "WAITING_FOR_HUB", "hub (en)", "Deliver it to the complaint system"),
        (CommandState.PARKED, "WAITING_FOR_HUB", "A person of the city", "Check whether it arrived"),
        (CommandState.REJECTED, "REFUSED", None, None),
    ],
)
async def test_a_complaint_on_its_way_says_what_happens_next(
    state: CommandState, shown: str, by: str | None, what: str | None
) -> None:
    city = CityOfCases(receipts_of_siti=(build_receipt(state),))
    case = await load_case("state nextStep { what by name }", city)
    step = None if what is None else {"what": what, "by": "HUB", "name": by}
    assert case == {"state": shown, "nextStep": step}


async def test_texts_are_in_the_language_of_the_request() -> None:
    query = "{ me { cases { nodes { title nextStep { what } } } } }"
    city = CityOfCases(complaints_of_siti=(build_complaint(),))
    found = await run_for_data(query, caller="the person", city=city)
    assert found["me"]["cases"]["nodes"] == [
        {"title": "Pengaduan: Jalan", "nextStep": {"what": "Membaca pengaduan Anda"}}
    ]


async def test_technical_steps_of_a_delivery_are_left_out_and_repeated_ones_shown_once() -> None:
    states = (
        *(CommandState.ACCEPTED, CommandState.SENDING, CommandState.RETRY_WAIT, CommandState.SENDING),
        *(CommandState.RETRY_WAIT, CommandState.RECONCILING, CommandState.PARKED, CommandState.REJECTED),
    )
    case = await load_case("activities { text by }", CityOfCases(receipts_of_siti=(build_receipt(*states),)))
    assert case["activities"] == [
        {"text": "Submitted, with receipt TT-26-ABCDEFGHJK", "by": "You"},
        {"text": "The complaint system does not take it at the moment; it is sent again", "by": "hub (en)"},
        {"text": "A person of the city checks whether it arrived", "by": "hub (en)"},
        {"text": "The complaint system refused it", "by": "hub (en)"},
    ]


@pytest.mark.parametrize(
    ("status", "state", "what"),
    [
        (ComplaintStatus.WAITING, "WAITING_FOR_AGENCY", "Read your complaint"),
        (ComplaintStatus.COORDINATION, "WAITING_FOR_AGENCY", "Agree who is responsible"),
        (ComplaintStatus.DISPOSITION, "WAITING_FOR_AGENCY", "Start the work"),
        (ComplaintStatus.IN_PROGRESS, "WAITING_FOR_AGENCY", "Finish the work"),
        (ComplaintStatus.RESOLVED, "DONE", None),
        (ComplaintStatus.REJECTED, "REFUSED", None),
        (ComplaintStatus.WITHDRAWN, "WITHDRAWN", None),
    ],
)
async def test_the_state_of_a_complaint_is_that_of_its_agency(
    status: ComplaintStatus, state: str, what: str | None
) -> None:
    city = CityOfCases(complaints_of_siti=(build_complaint(status=status),))
    case = await load_case("state nextStep { what by name }", city)
    step = None if what is None else {"what": what, "by": "AGENCY", "name": "Bina Marga"}
    assert case == {"state": state, "nextStep": step}


async def test_an_agency_that_accepted_a_complaint_and_denies_it_has_the_next_step() -> None:
    lost = build_complaint(status=None, delivery=CommandState.DONE)
    case = await load_case("state nextStep { what by name }", CityOfCases(complaints_of_siti=(lost,)))
    step = {"what": "Show the complaint that it accepted", "by": "AGENCY", "name": "crm (en)"}
    assert case == {"state": "WAITING_FOR_AGENCY", "nextStep": step}


async def test_activities_are_what_the_agency_did_and_the_last_is_the_change() -> None:
    events = (build_event(1, ComplaintStatus.WAITING), build_event(2, ComplaintStatus.IN_PROGRESS, "Tim berangkat"))
    city = CityOfCases(complaints_of_siti=(build_complaint(events=events),))
    case = await load_case("changedAt activities { at text by }", city)
    assert case == {
        "changedAt": (NOW + 2 * HOUR).isoformat(),
        "activities": [
            {"at": (NOW + HOUR).isoformat(), "text": "Received", "by": "Bina Marga"},
            {"at": (NOW + 2 * HOUR).isoformat(), "text": "Work began: Tim berangkat", "by": "Bina Marga"},
        ],
    }


@pytest.mark.parametrize(("hours", "is_late"), [(-1, True), (1, False)])
async def test_the_clock_says_whether_the_deadline_was_missed(hours: int, is_late: bool) -> None:  # noqa: FBT001 - a parameter of the table
    due = NOW + hours * HOUR
    case = await load_case("clock { dueAt isLate }", CityOfCases(complaints_of_siti=(build_complaint(due_at=due),)))
    assert case == {"clock": {"dueAt": due.isoformat(), "isLate": is_late}}


OFFERED = frozenset({"comment_complaint", "publish_complaint", "rate_resolution", "withdraw_complaint"})


@pytest.mark.parametrize(
    ("more", "offered", "allowed", "reasons"),
    [
        ({}, OFFERED, ["commentComplaint", "publishComplaint", "withdrawComplaint"], {"NOT_RESOLVED"}),
        (
            {"status": ComplaintStatus.RESOLVED, "resolved_at": NOW},
            OFFERED,
            ["commentComplaint", "publishComplaint", "rateResolution"],
            {"NOT_OPEN"},
        ),
        (
            {"status": ComplaintStatus.RESOLVED, "resolved_at": NOW, "rating": 4},
            OFFERED,
            ["commentComplaint", "publishComplaint"],
            {"NOT_OPEN", "ALREADY_DONE"},
        ),
        (
            {"visibility": ComplaintVisibility.PUBLIC},
            OFFERED,
            ["commentComplaint", "withdrawComplaint"],
            {"ALREADY_DONE", "NOT_RESOLVED"},
        ),
        ({}, frozenset[str](), [], {"NOT_OFFERED"}),
    ],
)
async def test_an_action_that_is_not_possible_is_shown_with_its_reason(
    more: dict[str, Any], offered: frozenset[str], allowed: list[str], reasons: set[str]
) -> None:
    city = CityOfCases(complaints_of_siti=(build_complaint(**more),), offered_commands=offered)
    case = await load_case("actions { name allowed reason }", city)
    assert len(case["actions"]) == 4
    assert [each["name"] for each in case["actions"] if each["allowed"]] == allowed
    assert {each["reason"] for each in case["actions"] if not each["allowed"]} == {
        CommandProblemCode[code].description for code in reasons
    }


def build_follow_up(kind: str, state: CommandState, payload: Any = None) -> CommandReceipt:  # noqa: ANN401 - a record
    at = NOW + 2 * HOUR
    made = replace(build_receipt(state), kind=kind, case=PRIVATE, payload=payload, accepted_at=at)
    return replace(made, closed_at=at + HOUR if not state.is_open else None)


async def test_what_the_person_did_is_in_the_history_and_is_not_offered_twice() -> None:
    receipts = (
        build_follow_up("rate_resolution", CommandState.ACCEPTED),
        build_follow_up("withdraw_complaint", CommandState.REJECTED),
        build_follow_up("comment_complaint", CommandState.DONE, NewComplaintComment(text="Masih mati")),
    )
    given = build_complaint(
        status=ComplaintStatus.RESOLVED,
        events=(build_event(1, ComplaintStatus.RESOLVED), build_event(4, ComplaintStatus.WITHDRAWN)),
    )
    city = CityOfCases(complaints_of_siti=(given,), receipts_of_siti=receipts, offered_commands=OFFERED)
    case = await load_case("activities { text by } actions { name allowed }", city)
    assert [f"{each['by']}: {each['text']}" for each in case["activities"]] == [
        "Bina Marga: Resolved",
        "You: Rated how it was resolved",
        "You: Asked to withdraw it",
        "You: Commented: Masih mati",
        "crm (en): Asked to withdraw it: refused",
        "Bina Marga: Withdrawn",
    ]
    possible = [each["name"] for each in case["actions"] if each["allowed"]]
    assert possible == ["commentComplaint", "publishComplaint", "withdrawComplaint"]


async def test_comments_of_others_are_in_the_history_and_own_ones_once() -> None:
    comments = tuple(
        ComplaintComment(at=NOW, text=text, by_reporter=own, complaint_is_public=False, reporter=SITI)
        for text, own in (("Kami cek", False), ("Terima kasih", True))
    )
    city = CityOfCases(complaints_of_siti=(build_complaint(comments=comments),))
    case = await load_case("activities { text by }", city)
    assert case["activities"] == [{"text": "Commented: Kami cek", "by": "crm (en)"}]


async def test_a_long_text_is_cut_between_words_in_the_title() -> None:
    text = "Lampu  jalan\ndi depan rumah saya " + "sudah lama mati " * 20
    city = CityOfCases(receipts_of_siti=(build_receipt(CommandState.ACCEPTED, text=text),))
    title = (await load_case("title", city))["title"]
    assert title.startswith("Complaint: Lampu jalan di depan rumah saya sudah")
    assert title.endswith(" lama…")
    assert len(title) <= len("Complaint: ") + 80


@pytest.mark.parametrize(
    ("kind", "state", "shown", "action"),
    [
        (DataRequestKind.ERASURE, DataRequestState.RECEIVED, "WAITING_FOR_AGENCY", "withdrawDataRequest: True"),
        (DataRequestKind.ERASURE, DataRequestState.DONE, "DONE", "withdrawDataRequest: False"),
        (DataRequestKind.ERASURE, DataRequestState.REFUSED, "REFUSED", "withdrawDataRequest: False"),
        (DataRequestKind.RESTRICTION, DataRequestState.DONE, "ACTIVE", "endRestriction: True"),
        (DataRequestKind.RESTRICTION, DataRequestState.WITHDRAWN, "WITHDRAWN", "endRestriction: False"),
    ],
)
async def test_a_data_request_is_a_case(
    kind: DataRequestKind, state: DataRequestState, shown: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pages(_: object, queries: Sequence[DataRequestQuery], _call: Call) -> Any:  # noqa: ANN401 - answers
        page = DataRequestPage(requests=(data_request(kind=kind, state=state),), has_more=False)
        return dict.fromkeys(queries, page)

    monkeypatch.setattr(CityOfCases, "request_pages", pages)
    query = "{ me { cases { nodes { state actions { name allowed } } } } }"
    found = await run_for_data(query, caller="the person", city=CityOfCases())
    [case] = found["me"]["cases"]["nodes"]
    [only] = case["actions"]
    assert (case["state"], f"{only['name']}: {only['allowed']}") == (shown, action)


@pytest.mark.parametrize(
    ("state", "shown", "activities"),
    [
        (ConsentState.GRANTED, "ACTIVE", ["Asked for your consent", "Consented"]),
        (ConsentState.REVOKED, "WITHDRAWN", ["Asked for your consent", "Consented", "Revoked the consent"]),
        (ConsentState.RETURNED, "DONE", ["Asked for your consent", "Consented", "Returned the consent"]),
        (ConsentState.EXPIRED, "EXPIRED", ["Asked for your consent", "Consented", "The consent expired"]),
    ],
)
async def test_a_request_for_consent_and_its_consent_are_one_case(
    state: ConsentState, shown: str, activities: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    granted = consent(state=state, request=consent_request().id, asked_at=NOW - HOUR)
    query = "{ me { cases(filter: {kinds: [CONSENT]}) { nodes { id state activities { text } } } } }"

    async def granted_pages(self: SmallCity, queries: Any, _call: Call) -> Any:  # noqa: ANN401 - answers
        pages: Any = await SmallCity.consent_pages(self, queries, _call)
        return {key: replace(page, consents=(granted,)) for key, page in pages.items()}

    async def waiting(_: object, people: Sequence[Nik], _call: Call) -> Any:  # noqa: ANN401 - answers
        return {nik: (consent_request(),) for nik in people}

    with monkeypatch.context() as before:
        before.setattr(CityOfCases, "waiting_requests_of", waiting)
        asked = await run_for_data(query, caller="the person", city=CityOfCases(), call=ENGLISH)
    monkeypatch.setattr(CityOfCases, "consent_pages", granted_pages)
    found = await run_for_data(query, caller="the person", city=CityOfCases(), call=ENGLISH)
    [first], [case] = asked["me"]["cases"]["nodes"], found["me"]["cases"]["nodes"]
    assert (first["state"], first["id"]) == ("WAITING_FOR_YOU", case["id"])
    assert (case["state"], [each["text"] for each in case["activities"]]) == (shown, activities)


@pytest.mark.parametrize(
    ("assurance", "reason"), [(Assurance.LOW, "Sign in with a stronger proof of who you are."), (Assurance.HIGH, None)]
)
async def test_a_consent_that_cannot_be_granted_now_says_why(assurance: Assurance, reason: str | None) -> None:
    query = "{ me { cases(filter: {kinds: [CONSENT], open: true}) { nodes { actions { name allowed reason } } } } }"
    response = await run(query, caller=replace(CALLERS["the person"], assurance=assurance), call=ENGLISH)
    [case] = (response.data or {})["me"]["cases"]["nodes"]
    assert case["actions"] == [
        {"name": "grantConsent", "allowed": reason is None, "reason": reason},
        {"name": "refuseConsent", "allowed": True, "reason": None},
    ]


MARK = "mutation ($ids: [ID!]!) { markCasesSeen(ids: $ids) { id seen state } }"


async def load_seen(city: SmallCity) -> list[tuple[str, bool]]:
    found = await run_for_data("{ me { cases { nodes { id seen } } } }", caller="the person", city=city)
    return [(each["id"], each["seen"]) for each in found["me"]["cases"]["nodes"]]


async def test_a_case_is_seen_until_it_changes() -> None:
    city = CityOfCases(complaints_of_siti=(build_complaint(),))
    [(id_, seen)] = await load_seen(city)
    assert not seen
    for _ in range(2):  # repeating it changes nothing
        marked = await run_for_data(MARK, {"ids": [id_]}, caller="the person", city=city)
        assert marked == {"markCasesSeen": [{"id": id_, "seen": True, "state": "WAITING_FOR_AGENCY"}]}
    assert await load_seen(city) == [(id_, True)]
    city.complaints_of_siti = (build_complaint(events=(build_event(1, ComplaintStatus.IN_PROGRESS),)),)
    assert await load_seen(city) == [(id_, False)]


async def test_several_cases_are_marked_with_one_read_of_each_source() -> None:
    city = CityOfCases(complaints_of_siti=tuple(build_complaint(id=f"C-{each}") for each in range(5)))
    ids = [id_ for id_, _ in await load_seen(city)]
    city.calls.clear()
    marked = await run_for_data(MARK, {"ids": ids}, caller="the person", city=city)
    assert [each["seen"] for each in marked["markCasesSeen"]] == [True] * 5
    assert [each[:2] for each in city.calls] == [("crm", "complaints_of"), ("hub", "receipts_of")]


async def test_an_unknown_case_is_null_and_an_id_of_something_else_is_refused() -> None:
    gone = IDS.seal("Case", str(CaseKey(person=SITI, kind=CaseKind.COMPLAINT, agency="crm", id="gone")))
    ids = [gone, IDS.seal("Complaint", PRIVATE), "x"]
    response = await run(MARK, {"ids": ids}, caller="the person", city=CityOfCases())
    assert response.data == {"markCasesSeen": [None, None, None]}
    assert get_codes(response) == [("markCasesSeen.1", "BAD_USER_INPUT"), ("markCasesSeen.2", "BAD_USER_INPUT")]


async def test_a_case_cannot_be_marked_while_its_agency_is_down() -> None:
    city = CityOfCases(complaints_of_siti=(build_complaint(),))
    [(id_, _)] = await load_seen(city)
    city.failing_agencies = {"crm"}
    response = await run(MARK, {"ids": [id_]}, caller="the person", city=city)
    assert response.data == {"markCasesSeen": [None]}
    assert get_codes(response) == [("markCasesSeen.0", "AGENCY_UNAVAILABLE")]
    assert city.case_marks == {}


@pytest.mark.parametrize("count", [101])
async def test_too_many_ids_are_refused(count: int) -> None:
    city = CityOfCases()
    response = await run(MARK, {"ids": ["x"] * count}, caller="the person", city=city)
    assert get_codes(response) == [("markCasesSeen", "BAD_USER_INPUT")]
    assert city.calls == []


async def test_a_case_can_be_refetched_by_its_id() -> None:
    city = CityOfCases(complaints_of_siti=(build_complaint(),))
    [(id_, _)] = await load_seen(city)
    query = "query ($id: ID!) { node(id: $id) { ... on Case { id title subject { ... on Complaint { number } } } } }"
    found = await run_for_data(query, {"id": id_}, caller="the person", city=city, call=ENGLISH)
    assert found["node"] == {"id": id_, "title": "Complaint: Jalan", "subject": {"number": f"JK{PRIVATE}"}}


@pytest.mark.parametrize("caller", ["another citizen", "an official", "anonymous", "the protection officer"])
async def test_nobody_else_reads_or_marks_a_case_and_nothing_is_read(caller: str) -> None:
    city = CityOfCases(complaints_of_siti=(build_complaint(),))
    [(id_, _)] = await load_seen(city)
    city.calls.clear()
    read = await run(f'{{ node(id: "{id_}") {{ ... on Case {{ title }} }} }}', caller=caller, city=city)
    marked = await run(MARK, {"ids": [id_]}, caller=caller, city=city)
    assert (read.data, [code for _, code in get_codes(read)]) == ({"node": None}, ["FORBIDDEN"])
    assert "Jalan" not in str(marked.data)
    assert [code for _, code in get_codes(marked)] == ["FORBIDDEN"]
    assert [each for each in city.calls if each[1] != "households"] == []
    assert city.case_marks == {}


async def test_a_third_party_app_reads_no_case() -> None:
    app = replace(CALLERS["the person"], first_party=False, scopes=frozenset({"citizen:complaints"}))
    city = CityOfCases()
    response = await run("{ me { cases { totalCount } } }", caller=app, city=city)
    assert [reason for _, reason in get_reasons(response)] == ["FIRST_PARTY_ONLY"]
    assert city.calls == []


async def test_an_assistant_sees_complaints_alone() -> None:
    city = SmallCity()
    response = await run("{ me { cases { totalCount nodes { kind } } } }", caller=ASSISTANT, city=city)
    assert (response.data or {})["me"]["cases"] == {"totalCount": 2, "nodes": [{"kind": "COMPLAINT"}] * 2}
    assert [each[:2] for each in city.calls] == [("crm", "complaints_of")]


async def test_a_guardian_sees_the_complaints_of_the_child_and_no_receipts() -> None:
    city = CityOfCases(ayu_born=NOW.date() - timedelta(days=4_000))
    assert await run_for_data(CHILDS_CASES, caller="the person", city=city) == {"citizen": {"cases": {"nodes": []}}}
    assert ("crm", "complaints_of", (AYU,)) in city.calls
    assert {question for _, question, _ in city.calls} <= {"complaints_of", "households", "known"}


def test_a_source_allows_the_callers_that_the_type_of_its_records_allows() -> None:
    citizens = Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT
    rules = {kind: [get_publication(each).guard.access.rules for each in types] for kind, types in PUBLISHED.items()}
    # Guardians see the consents about a child in the list of the child: they answer in their own inbox.
    own_only = {CaseKind.CONSENT: ~Rule.GUARDIAN}
    assert {each.kind: [each.rules] for each in SOURCES} == {
        kind: [each & citizens & own_only.get(kind, citizens) for each in of_types] for kind, of_types in rules.items()
    }
    assert get_publication(CommandReceiptType).guard.access.rules & Rule.GUARDIAN == Rule(0)


def test_the_plan_and_its_cost_name_the_agencies_that_the_inbox_reads() -> None:
    plan, cost = build_engine().explain(GraphQLRequest(query="{ me { cases(first: 20) { nodes { title } } } }"))
    explanation = explain_plan(plan, cost)
    assert (dict(cost.calls), dict(explanation.calls)) == ({"crm": 1}, {"crm": 1})
    assert "(part of it)  <- complaints_of  crm: 1 call" in explanation.to_text(Limits())
