"""A thousand callers of every kind, and whom each may see: written down apart from the hub's own rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.children import is_child
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from tests.clients import client_named
from tests.crowd.agencies import msme_of
from tests.crowd.marks import Mark, What
from tests.crowd.people import CLIENTS, TODAY, People

CALLERS = 1_000
_SURE = Assurance.SUBSTANTIAL
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
    What.IDENTITY: frozenset(each.name for _, each in _TASKS),
    What.RESIDENCE: frozenset(each.name for _, each in _TASKS),
    What.CIVIL: _OF_CHILDREN,
    What.PARENTS: _OF_CHILDREN,
    What.MEMBER: _OF_CHILDREN,
    What.TAX: frozenset({"TAX_ASSESSMENT", "SOCIAL_ASSISTANCE", "SUBJECT_REQUEST"}),
    What.MSME: frozenset({"BUSINESS_SUPPORT", "TAX_ASSESSMENT", "SOCIAL_ASSISTANCE", "SUBJECT_REQUEST"}),
    What.PRODUCT: frozenset({"BUSINESS_SUPPORT", "TAX_ASSESSMENT", "SOCIAL_ASSISTANCE", "SUBJECT_REQUEST"}),
    What.COMPLAINT: frozenset({"COMPLAINT_HANDLING", "SUBJECT_REQUEST"}),
}
"""For which purposes officials and systems may read (docs/frontend/access.md)."""
_NAME_NO_PURPOSE = frozenset({What.IDENTITY, What.RESIDENCE})
_SPECIFIC = frozenset({What.TAX, What.MEMBER})


def crowd(people: People, random: Random) -> list[Caller]:
    """The callers."""
    adults = people.adults
    made = [_citizen(nik, Assurance.LOW if random.random() < 0.15 else _SURE) for nik in random.sample(adults, 600)]
    helping = random.sample(adults, 40)
    made += [replace(_citizen(nik, _SURE), on_behalf_of=random.choice(adults)) for nik in helping]
    made.append(ANONYMOUS)
    while len(made) < CALLERS:
        made.append(random.choice((_official, _official, _system, _partner, _partner, _other))(people, random))
    return made


def changed(caller: Caller, random: Random) -> Caller:
    """The same somebody with another token: what it proves is another thing from now on."""
    if caller.kind is CallerKind.CITIZEN:
        return replace(caller, assurance=random.choice((Assurance.LOW, _SURE, _SURE)))
    if caller.kind in (CallerKind.OFFICIAL, CallerKind.AGENCY_SYSTEM):
        agency, purpose = random.choice(_TASKS)
        return replace(caller, agency=agency, purpose=purpose.name)
    if caller.kind is CallerKind.PARTNER:
        return replace(caller, purpose=random.choice((Purpose.CREDIT_ASSESSMENT, Purpose.PAYMENT)).name)
    return caller


def _citizen(nik: Nik, assurance: Assurance) -> Caller:
    return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=nik, assurance=assurance)


def _official(_people: People, random: Random) -> Caller:
    agency, purpose = random.choice(_TASKS)
    case = "K/1" if random.random() < 0.9 else None
    stated = purpose.name if random.random() < 0.9 else None
    return Caller(kind=CallerKind.OFFICIAL, agency=agency, purpose=stated, case=case, unit=str(random.randrange(9)))


def _system(_people: People, random: Random) -> Caller:
    agency, purpose = random.choice(_TASKS)
    return Caller(
        kind=CallerKind.AGENCY_SYSTEM,
        agency=agency,
        client=client_named(f"{agency}-s"),
        purpose=purpose.name,
        case="K/2",
    )


def _partner(_people: People, random: Random) -> Caller:
    purpose = random.choice((Purpose.CREDIT_ASSESSMENT, Purpose.PAYMENT)).name
    client = random.choice(CLIENTS)
    return Caller(kind=CallerKind.PARTNER, client=client, purpose=purpose, case="K/3", scopes=_SCOPES)


def _other(people: People, random: Random) -> Caller:
    makers: Sequence[Callable[[], Caller]] = (
        lambda: Caller(kind=CallerKind.BUSINESS, nib=str(msme_of(random.choice(people.adults)).nib)),
        lambda: Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil"),
        lambda: Caller(kind=CallerKind.AUDITOR),
        lambda: Caller(kind=CallerKind.STEWARD),
        lambda: Caller(kind=CallerKind.OPERATOR),
        lambda: ANONYMOUS,
    )
    return random.choice(makers)()


def may_see(caller: Caller, mark: Mark, people: People, *, by_id: bool = False) -> bool:
    """Whether the caller may see what bears the mark, as things stand now.

    `by_id` says that it was asked for by its own id: who reported a complaint, the agency does not tell then.
    """
    if mark.what is What.PUBLIC:
        return True
    kind, owner = caller.kind, mark.owner
    if kind is CallerKind.CITIZEN:
        return _as_citizen(caller, mark, people)
    if kind in (CallerKind.OFFICIAL, CallerKind.AGENCY_SYSTEM):
        return _for_a_task(caller, mark, people, unknown=by_id and mark.what is What.COMPLAINT)
    if kind is CallerKind.PARTNER:
        scope = {What.TAX: Scope.TAX, What.MSME: Scope.MSMES, What.PRODUCT: Scope.MSMES}.get(mark.what)
        granted = people.granted_to(caller.client, owner)
        return not is_child(owner, TODAY) and any(
            scope in each.scopes and each.purpose.name == caller.purpose for each in granted
        )
    if kind is CallerKind.BUSINESS:
        return mark.what is What.MSME and msme_of(owner).nib == caller.nib
    return False


def _as_citizen(caller: Caller, mark: Mark, people: People) -> bool:
    what, owner = mark
    sure = caller.assurance >= _SURE
    person = caller.nik if caller.on_behalf_of is None else caller.on_behalf_of
    if person is None or (what in _SPECIFIC and not sure):
        return False
    if what is What.LOG:
        return owner == person and caller.on_behalf_of is None
    if what is What.MEMBER:
        return owner in people.family_of[person].everybody
    if owner == person:
        return True
    family = people.family_of[owner]
    return sure and caller.on_behalf_of is None and person in family.parents and owner in family.children


def _for_a_task(caller: Caller, mark: Mark, people: People, *, unknown: bool) -> bool:
    what, owner = mark
    if caller.purpose is None or caller.case is None or caller.purpose not in _PURPOSES.get(what, ()):
        return False
    of_child = is_child(owner, TODAY) and what in _NAME_NO_PURPOSE
    if of_child and caller.purpose not in _OF_CHILDREN:
        return False
    concerned = people.family_of[owner].everybody if what is What.MEMBER else (owner,)
    restricted = unknown or any(each in people.restricted for each in concerned)
    return caller.purpose == "SUBJECT_REQUEST" or not restricted
