"""A thousand callers of every kind, and the data that each may see, independent of the hub's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.policy.children import is_child
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from tests.crowd.agencies import build_msme
from tests.crowd.marks import MarkKind, Watermark
from tests.crowd.people import CLIENTS, TODAY, CrowdPeople
from tests.fakes.clients import build_client

CALLERS = 1_000
_ASSURANCE = Assurance.SUBSTANTIAL
_SCOPES = frozenset(each.value for each in Scope)
_TASKS = (
    ("dukcapil", Purpose.SUBJECT_REQUEST),
    ("dukcapil", Purpose.CIVIL_REGISTRATION),
    ("pbb", Purpose.TAX_ASSESSMENT),
    ("jakpreneur", Purpose.BUSINESS_SUPPORT),
    ("crm", Purpose.COMPLAINT_HANDLING),
    ("dinsos", Purpose.SOCIAL_ASSISTANCE),
    ("disdik", Purpose.EDUCATION),
)
_OF_CHILDREN = frozenset(
    {
        "CIVIL_REGISTRATION",
        "SOCIAL_ASSISTANCE",
        "HEALTHCARE",
        "EDUCATION",
        "SUBJECT_REQUEST",
    }
)
_PURPOSES = {
    MarkKind.IDENTITY: frozenset(each.name for _, each in _TASKS),
    MarkKind.RESIDENCE: frozenset(each.name for _, each in _TASKS),
    MarkKind.CIVIL: _OF_CHILDREN,
    MarkKind.PARENTS: _OF_CHILDREN,
    MarkKind.MEMBER: _OF_CHILDREN,
    MarkKind.TAX: frozenset({"TAX_ASSESSMENT", "SOCIAL_ASSISTANCE", "SUBJECT_REQUEST"}),
    MarkKind.MSME: frozenset({"BUSINESS_SUPPORT", "TAX_ASSESSMENT", "SOCIAL_ASSISTANCE", "SUBJECT_REQUEST"}),
    MarkKind.PRODUCT: frozenset({"BUSINESS_SUPPORT", "TAX_ASSESSMENT", "SOCIAL_ASSISTANCE", "SUBJECT_REQUEST"}),
    MarkKind.COMPLAINT: frozenset({"COMPLAINT_HANDLING", "SUBJECT_REQUEST"}),
}
"""The purposes for which officials and systems may read (docs/frontend/field-access.md)."""
_NAME_NO_PURPOSE = frozenset({MarkKind.IDENTITY, MarkKind.RESIDENCE})
_SPECIFIC = frozenset({MarkKind.TAX, MarkKind.MEMBER})


def build_callers(people: CrowdPeople, random: Random) -> list[Caller]:
    """The callers."""
    adults = people.adults
    made = [
        _build_citizen(nik, Assurance.LOW if random.random() < 0.15 else _ASSURANCE)
        for nik in random.sample(adults, 600)
    ]
    helping = random.sample(adults, 40)
    made += [replace(_build_citizen(nik, _ASSURANCE), on_behalf_of=random.choice(adults)) for nik in helping]
    made.append(ANONYMOUS)
    while len(made) < CALLERS:
        made.append(
            random.choice(
                (_build_official, _build_official, _build_system, _build_partner, _build_partner, _build_other)
            )(people, random)
        )
    return made


def with_other_token(caller: Caller, random: Random) -> Caller:
    """The same person with another token, which proves other attributes from now on."""
    if caller.kind is CallerKind.CITIZEN:
        return replace(caller, assurance=random.choice((Assurance.LOW, _ASSURANCE, _ASSURANCE)))
    if caller.kind in (CallerKind.OFFICIAL, CallerKind.AGENCY_SYSTEM):
        agency, purpose = random.choice(_TASKS)
        return replace(caller, agency=agency, purpose=purpose.name)
    if caller.kind is CallerKind.PARTNER:
        return replace(caller, purpose=random.choice((Purpose.CREDIT_ASSESSMENT, Purpose.PAYMENT)).name)
    return caller


def _build_citizen(nik: Nik, assurance: Assurance) -> Caller:
    return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=nik, assurance=assurance)


def _build_official(_people: CrowdPeople, random: Random) -> Caller:
    agency, purpose = random.choice(_TASKS)
    case = "K/1" if random.random() < 0.9 else None
    stated = purpose.name if random.random() < 0.9 else None
    return Caller(kind=CallerKind.OFFICIAL, agency=agency, purpose=stated, case=case, unit=str(random.randrange(9)))


def _build_system(_people: CrowdPeople, random: Random) -> Caller:
    agency, purpose = random.choice(_TASKS)
    return Caller(
        kind=CallerKind.AGENCY_SYSTEM,
        agency=agency,
        client=build_client(f"{agency}-s"),
        purpose=purpose.name,
        case="K/2",
    )


def _build_partner(_people: CrowdPeople, random: Random) -> Caller:
    purpose = random.choice((Purpose.CREDIT_ASSESSMENT, Purpose.PAYMENT)).name
    client = random.choice(CLIENTS)
    return Caller(kind=CallerKind.PARTNER, client=client, purpose=purpose, case="K/3", scopes=_SCOPES)


def _build_other(people: CrowdPeople, random: Random) -> Caller:
    makers: Sequence[Callable[[], Caller]] = (
        lambda: Caller(kind=CallerKind.BUSINESS, nib=str(build_msme(random.choice(people.adults)).nib)),
        lambda: Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil"),
        lambda: Caller(kind=CallerKind.AUDITOR),
        lambda: Caller(kind=CallerKind.STEWARD),
        lambda: Caller(kind=CallerKind.OPERATOR),
        lambda: ANONYMOUS,
    )
    return random.choice(makers)()


def may_see(caller: Caller, mark: Watermark, people: CrowdPeople, *, by_id: bool = False) -> bool:
    """Whether the caller may see data with the mark in the current state.

    `by_id`: the request named the record by its id. Then the agency does not name the reporter of a complaint.
    """
    if mark.kind is MarkKind.PUBLIC:
        return True
    kind, owner = caller.kind, mark.owner
    if kind is CallerKind.CITIZEN:
        return _may_citizen_see(caller, mark, people)
    if kind in (CallerKind.OFFICIAL, CallerKind.AGENCY_SYSTEM):
        return _may_reader_see(caller, mark, people, unknown=by_id and mark.kind is MarkKind.COMPLAINT)
    if kind is CallerKind.PARTNER:
        scope = {MarkKind.TAX: Scope.TAX, MarkKind.MSME: Scope.MSMES, MarkKind.PRODUCT: Scope.MSMES}.get(mark.kind)
        granted = people.granted_to(caller.client, owner)
        return not is_child(owner, TODAY) and any(
            scope in each.scopes and each.purpose.name == caller.purpose for each in granted
        )
    if kind is CallerKind.BUSINESS:
        return mark.kind is MarkKind.MSME and build_msme(owner).nib == caller.nib
    return False


def _may_citizen_see(caller: Caller, mark: Watermark, people: CrowdPeople) -> bool:
    what, owner = mark
    sure = caller.assurance >= _ASSURANCE
    person = caller.nik if caller.on_behalf_of is None else caller.on_behalf_of
    if person is None or (what in _SPECIFIC and not sure):
        return False
    if what is MarkKind.LOG:
        return owner == person and caller.on_behalf_of is None
    if what is MarkKind.MEMBER:
        return owner in people.family_of[person].all_members
    if owner == person:
        return True
    family = people.family_of[owner]
    return sure and caller.on_behalf_of is None and person in family.parents and owner in family.children


def _may_reader_see(caller: Caller, mark: Watermark, people: CrowdPeople, *, unknown: bool) -> bool:
    what, owner = mark
    if caller.purpose is None or caller.case is None or caller.purpose not in _PURPOSES.get(what, ()):
        return False
    of_child = is_child(owner, TODAY) and what in _NAME_NO_PURPOSE
    if of_child and caller.purpose not in _OF_CHILDREN:
        return False
    concerned = people.family_of[owner].all_members if what is MarkKind.MEMBER else (owner,)
    restricted = unknown or any(each in people.restricted for each in concerned)
    return caller.purpose == "SUBJECT_REQUEST" or not restricted
