"""Family cards of the population register: the statement that reads them, and the conversion of rows to households.

Each member of a card sees the others, and the head and the head's spouse are the guardians of its children. So a card
that cannot belong to one family is rejected: `AGENCY_MALFORMED` for every person on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Final, NamedTuple

from connectors.batching.row_check import RowCheck
from connectors.drivers.long_work import LongWork
from connectors.drivers.sql.driver import Row
from connectors.population_values import nik_of, person_name_of, sex_of, word
from connectors.readers.dates import day
from connectors.readers.family_cards import family_card_number
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import FamilyCardNumber, Nik
from records.population import Household, HouseholdMember, Relationship

MOST_MEMBERS: Final = 30
"""Maximum people on one family card. A printed card has ten lines; three cards hold the largest families. A larger one
is a placeholder that strangers share, or an institution, whose residents are not a family."""

_COLUMNS: Final = "nik, no_kk, nama_lgkp, jenis_klmin, tgl_lhr, stat_hbkel"
STATEMENT: Final = f"""
WITH asked AS (SELECT {_COLUMNS} FROM biodata_wni WHERE nik = ANY(:niks)),
card AS (SELECT DISTINCT no_kk FROM asked WHERE no_kk ~ '^[0-9]{{16}}$'),
member AS (
    SELECT * FROM asked
    UNION ALL
    SELECT other.* FROM card CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM biodata_wni WHERE biodata_wni.no_kk = card.no_kk AND nik <> ALL(:niks)
        LIMIT {MOST_MEMBERS + 1}
    ) AS other
)
SELECT member.*, keluarga.nik_kepala FROM member LEFT JOIN keluarga ON keluarga.no_kk = member.no_kk
"""  # noqa: S608 - columns and bound are ours
"""The requested people and, for each plausible card, its other members: at most one more than a card may have."""

_RELATIONSHIPS: Final = {
    "KEPALA KELUARGA": Relationship.HEAD,
    "SUAMI": Relationship.HUSBAND,
    "ISTRI": Relationship.WIFE,
    "ISTERI": Relationship.WIFE,
    "ANAK": Relationship.CHILD,
    "MENANTU": Relationship.CHILD_IN_LAW,
    "CUCU": Relationship.GRANDCHILD,
    "ORANG TUA": Relationship.PARENT,
    "ORANGTUA": Relationship.PARENT,
    "MERTUA": Relationship.PARENT_IN_LAW,
    "FAMILI LAIN": Relationship.RELATIVE,
    "FAMILI": Relationship.RELATIVE,
    "PEMBANTU": Relationship.HOUSEHOLD_HELP,
}
_RANK: Final = {relationship: rank for rank, relationship in enumerate(Relationship)}


async def read_households(
    check: RowCheck, rows: Iterable[Row], asked: Collection[Nik], work: LongWork
) -> Answers[Nik, Household]:
    """The household of each requested person, from the rows of all members of their cards.

    A person without a card is absent. A person with an invalid card, or on two cards, is `AgencyMalformed`.
    Raises `AgencyMalformed` if a row belongs to a card without a requested person.
    """
    cards: defaultdict[object, list[Row]] = defaultdict(list)
    cards_of: dict[str, dict[object, None]] = {nik: {} for nik in asked}
    for row in rows:
        card = row["no_kk"]
        cards[card].append(row)
        if (theirs := cards_of.get(str(row["nik"]))) is not None:
            theirs[card] = None
    own = list(dict.fromkeys(chain.from_iterable(cards_of.values())))
    households = await work.map(own, lambda card: _household_or_failure(check, card, cards[card]))
    read = dict(zip(own, households, strict=True))
    if len(read) < len(cards):
        raise check.record_mismatch("a family card of a person who was not requested")
    found: dict[Nik, Household | AgencyFailure] = {}
    for nik in asked:
        answers = [read[card] for card in cards_of[nik]]
        if len(answers) > 1:
            found[nik] = check.record_mismatch("a person is on two family cards")
        elif answers and (answer := answers[0]) is not None:
            found[nik] = answer
    return found


def require_own_cards(check: RowCheck, rows: Sequence[Row], asked: Collection[Nik]) -> None:
    """Raise `AgencyMalformed` if a row belongs to a card without a requested person."""
    niks = frozenset(asked)
    cards = {row["no_kk"] for row in rows if row["nik"] in niks}
    if any(row["no_kk"] not in cards for row in rows):
        raise check.record_mismatch("a family card of a person who was not requested")


def _household_or_failure(check: RowCheck, card: object, rows: Sequence[Row]) -> Household | AgencyFailure | None:
    try:
        number = family_card_number(card)
        return None if number is None else _household(number, rows)
    except UnreadableError as error:
        return AgencyMalformed(check.agency, str(error))


def _household(number: FamilyCardNumber, rows: Sequence[Row]) -> Household:
    on_the_card = tuple(sorted(nik_of(row) for row in rows))
    if len(set(on_the_card)) < len(on_the_card):
        raise UnreadableError("a family card: a person is on it twice, or it has two heads")
    if len(on_the_card) > MOST_MEMBERS:
        raise UnreadableError(f"a family card: it has more than {MOST_MEMBERS} members")
    members = [_member(row, on_the_card) for row in rows]
    head_nik = _head(rows, members)
    members.sort(key=lambda member: _place_on_the_card(member, head_nik))
    return Household(
        family_card_number=number,
        head_nik=head_nik,
        members=tuple(members),
        on_the_card=on_the_card,
    )


def _head(rows: Iterable[Row], members: Iterable[HouseholdMember]) -> Nik | None:
    """The one head, from the register's list of cards and from the members' relationships."""
    named = {written for row in rows if (written := text(row["nik_kepala"]))}
    heads = named | {member.nik for member in members if member.relationship is Relationship.HEAD}
    if len(heads) > 1:
        raise UnreadableError("a family card: it has two heads")
    return next((Nik(head) for head in heads), None)


class _CardPlace(NamedTuple):
    is_not_head: bool
    rank: int
    birth_date: date
    nik: Nik


def _place_on_the_card(member: HouseholdMember, head: Nik | None) -> _CardPlace:
    """The order of a card: head, spouse, children from the oldest, then all others."""
    return _CardPlace(member.nik != head, _RANK[member.relationship], member.birth_date or date.max, member.nik)


def _member(row: Row, on_the_card: tuple[Nik, ...]) -> HouseholdMember:
    return HouseholdMember(
        nik=nik_of(row),
        name=person_name_of(row["nama_lgkp"]),
        sex=sex_of(row["jenis_klmin"]),
        birth_date=day(row["tgl_lhr"]),
        relationship=_RELATIONSHIPS.get(word(row["stat_hbkel"]), Relationship.OTHER),
        on_the_card=on_the_card,
    )
