"""Family cards (Kartu Keluarga) as households: what is too odd to declare of a population register.

Each member of a card sees the others, and the head and the head's spouse are the guardians of its children. So a card
that cannot belong to one family is rejected: `AGENCY_MALFORMED` for every person on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Final

from connectors.readers.family_cards import district_of_issue, family_card_number
from connectors.readers.unreadable import UnreadableError
from connectors.regions import UnknownDistricts
from records.description import DECIDES_ACCESS
from records.identifiers import Nik
from records.population import Household, HouseholdMember, Relationship, Sex
from records.record import record

MOST_MEMBERS: Final = 30
"""Maximum people on one family card. A printed card has ten lines; three cards hold the largest families. A larger one
is a placeholder that strangers share, or an institution, whose residents are not a family. The statement of a manifest
selects one more of each card."""
_RANK: Final = {relationship: rank for rank, relationship in enumerate(Relationship)}


@record
class CardMember:
    """One person as a register lists them on a family card."""

    nik: Annotated[Nik, DECIDES_ACCESS]
    name: str
    sex: Sex | None
    birth_date: Annotated[date | None, DECIDES_ACCESS]
    relationship: Annotated[Relationship, DECIDES_ACCESS]
    head: Annotated[Nik | None, DECIDES_ACCESS]
    """The head of the card by the register's list of cards."""


def read_household(
    members: Sequence[CardMember], card: str, *, unknown_districts: UnknownDistricts
) -> Household | None:
    """The household of a family card, from all its members; None for a word that means no card.

    Raises `UnreadableError` for an impossible number, a person twice, two heads, or too many members.
    """
    number = family_card_number(card)
    if number is None:
        return None
    on_the_card = tuple(sorted(each.nik for each in members))
    if len(set(on_the_card)) < len(on_the_card):
        raise UnreadableError("a family card: a person is on it twice, or it has two heads")
    if len(on_the_card) > MOST_MEMBERS:
        raise UnreadableError(f"a family card: it has more than {MOST_MEMBERS} members")
    head = _find_head(members)
    unknown_districts.check(district_of_issue(number))
    return Household(
        family_card_number=number,
        head_nik=head,
        members=tuple(
            HouseholdMember(
                nik=each.nik,
                name=each.name,
                sex=each.sex,
                birth_date=each.birth_date,
                relationship=each.relationship,
                on_the_card=on_the_card,
            )
            for each in sorted(members, key=_build_order(head))
        ),
        on_the_card=on_the_card,
    )


def _find_head(members: Sequence[CardMember]) -> Nik | None:
    """The one head, from the register's list of cards and from the members' relationships."""
    heads = {each.head for each in members}
    heads |= {each.nik for each in members if each.relationship is Relationship.HEAD}
    heads.discard(None)
    if len(heads) > 1:
        raise UnreadableError("a family card: it has two heads")
    return heads.pop() if heads else None


def _build_order(head: Nik | None) -> Callable[[CardMember], tuple[object, ...]]:
    """The order of a card: head, spouse, children from the oldest, then all others."""
    return lambda member: (member.nik != head, _RANK[member.relationship], member.birth_date or date.max, member.nik)
