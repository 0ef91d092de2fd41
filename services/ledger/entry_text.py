"""Describes an entry of the access ledger in plain English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auth.policy.legal_basis import LegalBasis
from records.hub.access_history import AccessReader, classify_reader
from records.hub.ledger_entries import LedgerEntry

_READERS: Mapping[AccessReader, str] = {
    AccessReader.YOURSELF: "You",
    AccessReader.HOUSEHOLD_MEMBER: "A member of your household",
    AccessReader.GUARDIAN: "Your parent or guardian",
    AccessReader.ASSISTANT: "A person who assists you",
    AccessReader.CITIZEN: "Another resident",
    AccessReader.BUSINESS: "A business",
    AccessReader.OFFICIAL: "An official",
    AccessReader.SUPERVISOR: "A supervisor",
    AccessReader.STEWARD: "The data steward of the city",
    AccessReader.AUDITOR: "An auditor of the city",
    AccessReader.PROTECTION_OFFICER: "The data-protection officer of the city",
    AccessReader.PARTNER: "An application of a partner",
    AccessReader.AGENCY_SYSTEM: "A computer system",
    AccessReader.OPERATOR: "An operator of the hub",
    AccessReader.UNKNOWN: "An unknown reader",
}
_WITHOUT_CLIENT = frozenset(
    {AccessReader.YOURSELF, AccessReader.HOUSEHOLD_MEMBER, AccessReader.GUARDIAN, AccessReader.ASSISTANT}
)
"""Readers whose application says nothing to the person."""
_LEGAL_BASES: Mapping[str, str] = {
    LegalBasis.OWN_RIGHT.value: "the reader's own right to know (UU PDP, articles 5 to 7)",
    LegalBasis.GUARDIANSHIP.value: "care for a child (UU PDP, article 25)",
    LegalBasis.ASSISTANCE.value: "help that you asked for (UU PDP, article 26)",
    LegalBasis.CONSENT.value: "your consent (UU PDP, article 20 (2) a)",
    LegalBasis.LEGAL_DUTY.value: "a duty by law (UU PDP, article 20 (2) c)",
    LegalBasis.PUBLIC_TASK.value: "a task of the city in the public interest (UU PDP, article 20 (2) e)",
}
_SUBJECTS_BY_TYPE: Mapping[str, str] = {
    "Citizen": "identity",
    "Residence": "home",
    "CivilStatus": "civil status",
    "Parentage": "parents",
    "Household": "family card",
    "HouseholdMember": "family card",
    "TaxObject": "property tax",
    "TaxBill": "property tax",
    "TaxPayment": "property tax",
    "Msme": "small businesses",
    "Product": "small businesses",
    "Student": "school",
    "KjpAccount": "school support (KJP Plus)",
    "Business": "businesses",
    "BusinessActivity": "businesses",
    "BusinessLicence": "businesses",
    "Coverage": "health insurance",
    "Immunization": "vaccinations",
    "VaccinationAppointment": "vaccinations",
    "AssistanceRecord": "social assistance",
    "AidEntitlement": "social assistance",
    "AidPayment": "social assistance",
    "PaymentIntent": "payments",
    "Complaint": "complaints",
    "ComplaintEvent": "complaints",
    "ComplaintPhoto": "complaints",
    "ComplaintComment": "complaints",
    "AccessLogEntry": "access log",
    "AccessEntry": "access log",
    "Consent": "consents",
    "ConsentText": "consents",
    "ConsentRequest": "consents",
    "ConsentField": "consents",
    "ConsentAnswer": "consents",
    "Mutation": "consents",
    "Verification": "agreement with the register",
    "IdentityCheck": "agreement with the register",
    "DataRequest": "data requests",
    "DataRequestEvent": "data requests",
    "Restriction": "restrictions",
    "Export": "export",
    "Case": "cases",
    "OwnService": "services",
    "CommandReceipt": "receipts",
}
_SUBJECTS_BY_CITIZEN_FIELD: Mapping[str, str] = {
    "residence": "home",
    "civilStatus": "civil status",
    "parentage": "parents",
    "household": "family card",
    "taxObjects": "property tax",
    "msmes": "small businesses",
    "students": "school",
    "businesses": "businesses",
    "coverage": "health insurance",
    "immunizations": "vaccinations",
    "vaccinationAppointments": "vaccinations",
    "assistance": "social assistance",
    "payments": "payments",
    "services": "services",
    "receipts": "receipts",
    "children": "family card",
    "complaints": "complaints",
    "accessLog": "access log",
    "consents": "consents",
    "consentRequest": "consents",
    "consent": "consents",
    "verify": "agreement with the register",
    "verifyIdentity": "agreement with the register",
    "dataRequests": "data requests",
    "cases": "cases",
    "restrictions": "restrictions",
    "export": "export",
}


_OVERSEER_FIELDS = frozenset({"Query.accessEntries", "Query.accessEntriesOf"})


class AgencyNames:
    """The names of agencies in sentences."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names` are by code, and read after 'the'."""
        self._names = names

    def get(self, code: str) -> str:
        """The name of an agency in a sentence."""
        name = self._names.get(code)
        return f"the agency '{code}'" if name is None else f"the {name}"

    def get_title(self, code: str) -> str:
        """The name of an agency, or the code itself, alone on a line."""
        name = self._names.get(code, code)
        return name[:1].upper() + name[1:]


def describe_reader(access: LedgerEntry, names: AgencyNames) -> str:
    """Describe the reader."""
    kind = classify_reader(access)
    reader = _READERS[kind]
    if kind in _WITHOUT_CLIENT:
        return reader
    if access.client is not None:
        reader += f" ('{access.client}')"
    if access.agency is not None:
        unit = f", {access.unit}" if access.unit else ""
        reader += f" of {names.get(access.agency)}{unit}"
    return reader


def describe_legal_basis(access: LedgerEntry) -> str | None:
    """Describe the legal basis."""
    return None if access.legal_basis is None else _LEGAL_BASES.get(access.legal_basis, access.legal_basis)


def group_fields(fields: Iterable[str]) -> list[str]:
    """Group field coordinates under names that people know. Existence in the register belongs to identity."""
    things: dict[str, None] = {}
    for coordinate in fields:
        type_, _, name = coordinate.partition(".")
        if type_ in {"Query", "Mutation"} and coordinate not in _OVERSEER_FIELDS:
            continue
        thing = _SUBJECTS_BY_TYPE.get(type_, type_)
        if type_ == "Query":
            thing = "access log"
        elif type_ in {"Citizen", "Consenting"}:
            thing = _SUBJECTS_BY_CITIZEN_FIELD.get(name, thing)
        things[thing] = None
    return sorted(things) or ["existence in the register"]


def describe_access(access: LedgerEntry, names: AgencyNames) -> str:
    """Describe the whole entry in one text."""
    text = f"{describe_reader(access, names)} read your {_join_words(group_fields(access.fields))}"
    if access.agencies:
        text += f", which came from {_join_words([names.get(each) for each in access.agencies])}"
    text += "."
    if access.purpose is not None:
        text += f" Purpose: {access.purpose}{f', case {access.case}' if access.case else ''}."
    elif access.case is not None:
        text += f" Case: {access.case}."
    basis = describe_legal_basis(access)
    if basis is not None:
        text += f" Legal basis: {basis}."
    if access.hidden_because is not None:
        text += f" You see this entry late: {access.hidden_because}"
    return text


def _join_words(things: list[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
