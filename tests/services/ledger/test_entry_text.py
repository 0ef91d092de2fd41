"""Entries of the access ledger in plain English."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from auth.caller import CallerKind
from auth.policy.legal_basis import LegalBasis
from records.hub.access_history import READERS_BY_CALLER_KIND, READERS_BY_LEGAL_BASIS, AccessReader
from records.hub.ledger_entries import LedgerEntry
from services.ledger.entry_text import _LEGAL_BASES, _READERS, describe_access, describe_reader, group_fields
from tests.fakes.city import build_names
from tests.schema.declared_access import load_declared_access
from tests.schema.requests import build_engine

SITI, RINA = b"S" * 32, b"R" * 32
ACCESS = LedgerEntry(
    at=datetime(2026, 11, 24, tzinfo=UTC),
    request_id="r-1",
    subject=SITI,
    caller_kind="official",
    caller=RINA,
    agency="dukcapil",
    purpose="verifikasi",
    case="K-7",
    legal_basis="public-task",
    document=b"d" * 32,
    agencies=("dukcapil", "pbb"),
    fields=("Citizen.name", "Citizen.residence", "Query.citizen", "Residence.address", "TaxBill.amount"),
)

NAMES = build_names()


def test_an_entry_names_reader_fields_source_purpose_and_legal_basis() -> None:
    assert describe_access(ACCESS, NAMES) == (
        "An official of the population register (Dukcapil) read your home, identity and property tax, which came from "
        "the population register (Dukcapil) and the property tax office (PBB). Purpose: verifikasi, case K-7. "
        "Legal basis: a task of the city in the public interest (UU PDP, article 20 (2) e)."
    )


def test_unknown_parts_are_left_out() -> None:
    bare = ACCESS._replace(caller=SITI, caller_kind="citizen", agency=None, purpose=None, case=None, agencies=())
    assert (
        describe_access(bare._replace(legal_basis=None, fields=("Query.me",)), NAMES)
        == "You read your existence in the register."
    )


def test_a_case_is_shown_without_a_purpose() -> None:
    assert "(PBB). Case: K-7. Legal" in describe_access(ACCESS._replace(purpose=None), NAMES)


def test_a_late_entry_gives_the_reason() -> None:
    assert describe_access(ACCESS._replace(hidden_because="a reason."), NAMES).endswith(
        " You see this entry late: a reason."
    )


@pytest.mark.parametrize(
    ("given", "reader"),
    [
        ({}, "An official of the population register (Dukcapil)"),
        ({"unit": "Loket 3"}, "An official of the population register (Dukcapil), Loket 3"),
        ({"agency": "samsat"}, "An official of the agency 'samsat'"),
        ({"caller_kind": "citizen", "agency": None}, "Another resident"),
        (
            {"caller_kind": "citizen", "agency": None, "client": "app", "fields": ("HouseholdMember.name",)},
            "A member of your household",
        ),
        ({"caller_kind": "citizen", "agency": None, "legal_basis": "assistance"}, "A person who assists you"),
        ({"caller_kind": "citizen", "agency": None, "legal_basis": "guardianship"}, "Your parent or guardian"),
        ({"caller_kind": "partner", "agency": None, "client": "kreditku"}, "An application of a partner ('kreditku')"),
        (
            {"caller_kind": "agency-system", "agency": "pbb", "client": "sismiop"},
            "A computer system ('sismiop') of the property tax office (PBB)",
        ),
        ({"caller_kind": "auditor", "agency": None}, "An auditor of the city"),
        ({"caller_kind": "of-tomorrow", "agency": None}, "An unknown reader"),
        ({"caller": SITI, "caller_kind": "citizen", "agency": None}, "You"),
        ({"caller": None, "subject": None, "agency": None}, "An official"),
    ],
)
def test_a_reader_is_described_by_kind(given: dict[str, Any], reader: str) -> None:
    assert describe_reader(ACCESS._replace(**given), NAMES) == reader


@pytest.mark.parametrize(
    ("fields", "things"),
    [
        (("Citizen.birthDate", "Citizen.nik"), ["identity"]),
        (("Citizen.complaints", "ComplaintEvent.note"), ["complaints"]),
        (("Citizen.accessLog", "AccessLogEntry.text"), ["access log"]),
        (("HouseholdMember.name",), ["family card"]),
        (("Query.accessEntriesOf",), ["access log"]),
        (("AccessEntry.at", "Query.accessEntries"), ["access log"]),
        (("Passport.number",), ["Passport"]),
        (("Query.citizen",), ["existence in the register"]),
    ],
)
def test_fields_are_grouped_by_subject(fields: tuple[str, ...], things: list[str]) -> None:
    assert group_fields(fields) == things


def test_every_field_about_people_has_a_group_with_a_name() -> None:
    """A group is never the name of a type of the graph."""
    schema = build_engine().schema
    about = {name for name, said in load_declared_access().items() if "PUBLIC" not in said.rules}
    assert len(about) > 150
    assert {name for name in about if set(group_fields([name])) & schema.type_map.keys()} == set()


def test_every_kind_of_caller_and_representation_is_a_reader() -> None:
    kinds = {each.value for each in CallerKind if each is not CallerKind.ANONYMOUS}
    assert set(READERS_BY_CALLER_KIND) == kinds | {AccessReader.UNKNOWN.value}
    assert set(READERS_BY_LEGAL_BASIS) == {LegalBasis.ASSISTANCE.value, LegalBasis.GUARDIANSHIP.value}
    assert set(_READERS) == set(AccessReader)


def test_every_legal_basis_has_a_text() -> None:
    assert set(_LEGAL_BASES) == {each.value for each in LegalBasis}


def test_the_result_of_a_mutation_is_shown_as_read() -> None:
    assert group_fields(["Mutation.restrictProcessing", "DataRequest.number"]) == ["data requests"]
    assert group_fields(["Citizen.restrictions", "Restriction.since", "Citizen.dataRequests"]) == [
        "data requests",
        "restrictions",
    ]
