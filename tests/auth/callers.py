"""Callers of every kind."""

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from tests.fakes.clients import build_client

SITI = Nik("3171014506900001")
BUDI = Nik("3171010101800002")
NIB = "9120001234567"

CITIZEN = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.SUBSTANTIAL)
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose=Purpose.CIVIL_REGISTRATION.name, case="S/1")
CALLERS = {
    "anonymous": ANONYMOUS,
    "citizen": CITIZEN,
    "assistant": Caller(
        kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, on_behalf_of=SITI, assurance=Assurance.SUBSTANTIAL
    ),
    "business": Caller(kind=CallerKind.BUSINESS, nib=NIB),
    "official": OFFICIAL,
    "supervisor": Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil"),
    "steward": Caller(kind=CallerKind.STEWARD),
    "auditor": Caller(kind=CallerKind.AUDITOR),
    "protection officer": Caller(kind=CallerKind.PROTECTION_OFFICER),
    "partner": Caller(
        kind=CallerKind.PARTNER,
        client=build_client("bank"),
        scopes=frozenset({Scope.TAX.value}),
        purpose=Purpose.PAYMENT.name,
        case="P/1",
    ),
    "agency system": Caller(
        kind=CallerKind.AGENCY_SYSTEM,
        agency="dukcapil",
        client=build_client("siak"),
        purpose=Purpose.CIVIL_REGISTRATION.name,
        case="C/1",
    ),
    "operator": Caller(kind=CallerKind.OPERATOR),
}
"""One caller of each kind, with all attributes of its kind."""
