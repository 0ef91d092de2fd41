"""A ledger entry holds subject, reader, purpose and legal basis of a read, and no number of a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.policy.legal_basis import LegalBasis, get_legal_basis
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.identifiers import Nik
from services.ledger.ledger_entry_builder import HIDING_REASON, LedgerEntryBuilder
from tests.auth.callers import BUDI, CITIZEN, OFFICIAL, SITI
from tests.fakes.clients import build_client

SECRET = b"a secret of thirty-two bytes...."
PSEUDONYMS = Pseudonyms(SECRET)


def build_read(
    subject: Nik | bytes | None = SITI, *, data_classes: tuple[str, ...] = ("PERSONAL",), is_own: bool = True
) -> SubjectRead:
    return SubjectRead(subject, ("Citizen.name",), ("dukcapil",), data_classes, is_own)


def build_request(caller: Caller, operation: str = "Mine") -> RequestInfo:
    return RequestInfo(caller, "r-1", operation, b"d" * 32)


def test_a_person_has_one_pseudonym_as_reader_and_as_subject() -> None:
    assert PSEUDONYMS.pseudonymize_caller(CITIZEN) == PSEUDONYMS.pseudonymize_person(SITI)
    assert PSEUDONYMS.pseudonymize_person(SITI) != PSEUDONYMS.pseudonymize_person(BUDI)
    assert len(PSEUDONYMS.pseudonymize_person(SITI)) == 32


def test_another_secret_makes_another_pseudonym() -> None:
    assert Pseudonyms(b"another secret of 32 bytes......").pseudonymize_person(SITI) != PSEUDONYMS.pseudonymize_person(
        SITI
    )
    assert (
        PSEUDONYMS.pseudonymize_person(SITI).hex() == "1f461df15105b660cdd872e5910e5c2dd07a48c2c22a9ebf23f5185c8b0a8593"
    )


@pytest.mark.parametrize("name", ["subject", "nib", "client"])
def test_other_callers_have_a_pseudonym_by_the_name_in_their_token(name: str) -> None:
    if name == "nib":
        callers = [Caller(kind=CallerKind.BUSINESS, nib=nib) for nib in ("1234567890123", "1234567890124")]
    elif name == "client":
        callers = [Caller(kind=CallerKind.PARTNER, client=build_client(name)) for name in ("a", "b")]
    else:
        callers = [Caller(kind=CallerKind.OFFICIAL, agency="pbb", subject=subject) for subject in ("rina", "joko")]
    assert len({PSEUDONYMS.pseudonymize_caller(each) for each in callers} - {None}) == 2


def test_the_same_name_in_another_kind_has_another_pseudonym() -> None:
    official = Caller(kind=CallerKind.OFFICIAL, agency="pbb", subject="a")
    auditor = Caller(kind=CallerKind.AUDITOR, subject="a")
    assert PSEUDONYMS.pseudonymize_caller(official) != PSEUDONYMS.pseudonymize_caller(auditor)


def test_an_anonymous_caller_has_no_pseudonym_and_no_repr_shows_a_key() -> None:
    assert PSEUDONYMS.pseudonymize_caller(ANONYMOUS) is None
    assert repr(PSEUDONYMS) == "<Pseudonyms>"


@pytest.mark.parametrize(
    ("caller", "basis"),
    [
        (CITIZEN, LegalBasis.OWN_RIGHT),
        (Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, on_behalf_of=BUDI), LegalBasis.ASSISTANCE),
        (Caller(kind=CallerKind.BUSINESS, nib="1234567890123"), LegalBasis.OWN_RIGHT),
        (OFFICIAL, LegalBasis.PUBLIC_TASK),
        (
            Caller(kind=CallerKind.AGENCY_SYSTEM, agency="pbb", client=build_client("sismiop")),
            LegalBasis.PUBLIC_TASK,
        ),
        (Caller(kind=CallerKind.STEWARD), LegalBasis.PUBLIC_TASK),
        (Caller(kind=CallerKind.SUPERVISOR, agency="pbb"), LegalBasis.LEGAL_DUTY),
        (Caller(kind=CallerKind.AUDITOR), LegalBasis.LEGAL_DUTY),
        (Caller(kind=CallerKind.PROTECTION_OFFICER), LegalBasis.LEGAL_DUTY),
        (Caller(kind=CallerKind.PARTNER, client=build_client("kreditku")), LegalBasis.CONSENT),
        (Caller(kind=CallerKind.OPERATOR), None),
        (ANONYMOUS, None),
    ],
    ids=str,
)
def test_each_kind_of_caller_has_its_legal_basis(caller: Caller, basis: LegalBasis | None) -> None:
    assert get_legal_basis(caller, is_own=True) is basis
    of_others = LegalBasis.GUARDIANSHIP if basis is LegalBasis.OWN_RIGHT and caller.nik else basis
    assert get_legal_basis(caller, is_own=False) is of_others


def test_a_citizens_read_about_another_person_is_recorded_as_guardianship() -> None:
    entries = LedgerEntryBuilder(PSEUDONYMS).build(
        build_request(CITIZEN), [build_read(BUDI), build_read(BUDI, is_own=False)]
    )
    assert [entry.legal_basis for entry in entries] == ["own-right", "guardianship"]


def test_data_classes_are_recorded_or_null() -> None:
    entries = LedgerEntryBuilder(PSEUDONYMS).build(
        build_request(OFFICIAL),
        [build_read(data_classes=("PERSONAL", "SPECIFIC:FINANCE")), build_read(data_classes=())],
    )
    assert [entry.classification for entry in entries] == ["PERSONAL SPECIFIC:FINANCE", None]


def test_an_entry_holds_everything_about_the_reader() -> None:
    rina = Caller(
        kind=CallerKind.OFFICIAL,
        agency="pbb",
        subject="rina",
        unit="Penagihan",
        role="petugas",
        client=build_client("loket"),
        purpose="penagihan",
        case="K-7",
    )
    before = datetime.now(UTC)
    [entry, unknown] = LedgerEntryBuilder(PSEUDONYMS).build(
        build_request(rina), [build_read(), SubjectRead(None, ("Complaint.number",), ("crm",))]
    )
    assert before <= entry.at <= datetime.now(UTC)
    assert (entry.subject, entry.caller, entry.caller_kind) == (
        PSEUDONYMS.pseudonymize_person(SITI),
        PSEUDONYMS.pseudonymize_caller(rina),
        "official",
    )
    assert (entry.agency, entry.unit, entry.role, entry.client) == ("pbb", "Penagihan", "petugas", "development/loket")
    assert (entry.purpose, entry.case, entry.legal_basis) == ("penagihan", "K-7", "public-task")
    assert (entry.request_id, entry.operation, entry.document) == ("r-1", "Mine", b"d" * 32)
    assert (entry.fields, entry.agencies) == (("Citizen.name",), ("dukcapil",))
    assert (entry.hidden_until, entry.hidden_because) == (None, None)
    assert (unknown.subject, unknown.fields, unknown.at) == (None, ("Complaint.number",), entry.at)


def test_an_entry_holds_no_number_of_a_person() -> None:
    for caller in (CITIZEN, Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, on_behalf_of=SITI)):
        entry = repr(LedgerEntryBuilder(PSEUDONYMS).build(build_request(caller), [build_read()]))
        assert SITI not in entry
        assert BUDI not in entry


def test_reads_for_hidden_purposes_are_disclosed_late() -> None:
    builder = LedgerEntryBuilder(PSEUDONYMS, hidden_purposes={"penyidikan": timedelta(days=90)})
    visible, hidden = (
        builder.build(build_request(Caller(kind=CallerKind.OFFICIAL, agency="pbb", purpose=purpose)), [build_read()])[0]
        for purpose in ("penagihan", "penyidikan")
    )
    assert (visible.hidden_until, visible.hidden_because) == (None, None)
    assert (hidden.hidden_until, hidden.hidden_because) == (hidden.at + timedelta(days=90), HIDING_REASON)


def test_no_purpose_of_an_overseer_hides_the_read() -> None:
    builder = LedgerEntryBuilder(PSEUDONYMS, hidden_purposes={"penyidikan": timedelta(days=90)})
    auditor = Caller(kind=CallerKind.AUDITOR, purpose="penyidikan", case="A/1")
    [entry] = builder.build(build_request(auditor), [build_read()])
    assert (entry.purpose, entry.legal_basis, entry.hidden_until) == ("penyidikan", "legal-duty", None)


def test_a_subject_that_is_a_pseudonym_already_is_recorded_unchanged() -> None:
    about = build_read(PSEUDONYMS.pseudonymize_person(SITI))  # as an entry names its person
    [entry] = LedgerEntryBuilder(PSEUDONYMS).build(build_request(Caller(kind=CallerKind.AUDITOR)), [about])
    assert entry.subject == PSEUDONYMS.pseudonymize_person(SITI)


@pytest.mark.parametrize("name", [f"Of{SITI}", f"NIK_{SITI}_again", "Nib1234567890123"])
def test_an_operation_name_with_the_number_of_a_person_is_not_recorded(name: str) -> None:
    [entry] = LedgerEntryBuilder(PSEUDONYMS).build(build_request(OFFICIAL, name), [build_read(BUDI)])
    assert entry.operation is None
    [entry] = LedgerEntryBuilder(PSEUDONYMS).build(build_request(OFFICIAL, "Page2026"), [build_read(BUDI)])
    assert entry.operation == "Page2026"
