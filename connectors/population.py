"""The population register (Dukcapil): the civil registry's PostgreSQL warehouse, by NIK."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import ClassVar

from connectors.chunks import in_chunks
from connectors.drivers.sql import Row, SqlDriver
from connectors.reading.absent import text
from connectors.reading.dates import day
from connectors.reading.names import ordinary, person_name
from connectors.reading.numbers import whole_number
from connectors.reading.regions import region_from_numbers
from connectors.reading.unreadable import UnreadableError
from records.answers import Answers
from records.call import Call
from records.failures import AgencyFailure, AgencyMalformed
from records.identifiers import FamilyCardNumber, Nik
from records.population import (
    BloodType,
    Citizen,
    CivilStatus,
    Household,
    HouseholdMember,
    Identity,
    MaritalStatus,
    Parentage,
    PersonFacet,
    Relationship,
    Residence,
    Sex,
)

AGENCY = "dukcapil"

_COLUMNS: Mapping[type[PersonFacet], tuple[str, ...]] = {
    Identity: ("nama_lgkp", "jenis_klmin", "tmpt_lhr", "tgl_lhr"),
    Residence: ("alamat", "no_rt", "no_rw", "no_prop", "no_kab", "no_kec", "no_kel"),
    CivilStatus: ("agama", "status_kawin", "pddk_akh", "jenis_pkrjn", "gol_darah"),
    Parentage: ("nama_lgkp_ibu", "nama_lgkp_ayah"),
}
"""What the register has to give for each facet, and so all that is ever asked for it."""

_KNOWN = "SELECT nik FROM biodata_wni WHERE nik = ANY(:niks)"
# A card number that is no number ('-', '') would make one household of everybody who has none.
_HOUSEHOLDS = """
SELECT member.nik, member.no_kk, member.nama_lgkp, member.jenis_klmin, member.tgl_lhr, member.stat_hbkel,
       keluarga.nik_kepala
FROM biodata_wni AS member LEFT JOIN keluarga ON keluarga.no_kk = member.no_kk
WHERE member.no_kk IN (SELECT no_kk FROM biodata_wni WHERE nik = ANY(:niks) AND length(no_kk) = 16)
"""
_PROBE = "SELECT nik FROM biodata_wni LIMIT 1"

_SEXES = {"LAKI-LAKI": Sex.MALE, "L": Sex.MALE, "1": Sex.MALE} | {
    "PEREMPUAN": Sex.FEMALE,
    "P": Sex.FEMALE,
    "2": Sex.FEMALE,
}
_MARITAL_STATUSES = {
    "BELUM KAWIN": MaritalStatus.SINGLE,
    "KAWIN": MaritalStatus.MARRIED,
    "CERAI HIDUP": MaritalStatus.DIVORCED,
    "CERAI MATI": MaritalStatus.WIDOWED,
}
"""Each may be followed by whether it was registered: `KAWIN TERCATAT`, `KAWIN BELUM TERCATAT`."""
_RELATIONSHIPS = {
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
_RANK = {relationship: rank for rank, relationship in enumerate(Relationship)}


class PopulationRegister:
    """Asks the register. Each read is one statement, for any number of people unless `keys_a_call` bounds it."""

    agency: ClassVar[str] = AGENCY

    def __init__(self, sql: SqlDriver, *, keys_a_call: int | None = None) -> None:
        self._sql = sql
        self._keys_a_call = keys_a_call

    async def known(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Citizen]:
        """Those of the people that the register knows. Raises `AgencyFailure`."""

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Citizen]:
            rows = await self._rows(_KNOWN, some, call)
            return {nik: Citizen(nik=nik) for nik in (_nik(row) for row in rows)}

        return await in_chunks(niks, ask, most=self._keys_a_call)

    async def facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        """The wanted facets of each person; no column of any other facet is asked for. Raises `AgencyFailure`.

        A person of whom one wanted value cannot be read is answered with `AgencyMalformed`.
        """
        if not wanted:
            return {}
        statement = facets_statement(wanted)

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
            rows = await self._rows(statement, some, call)
            return {_nik(row): read_facets(row, wanted) for row in rows}

        return await in_chunks(niks, ask, most=self._keys_a_call)

    async def households(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Household]:
        """The household of each person, everybody on its card included. Raises `AgencyFailure`.

        A person without a family card is absent; a card of which one value cannot be read is `AgencyMalformed` for
        everybody asked about who is on it.
        """

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Household]:
            rows = await self._rows(_HOUSEHOLDS, some, call)
            asked = frozenset(some)
            return {nik: household for nik, household in read_households(rows).items() if nik in asked}

        return await in_chunks(niks, ask, most=self._keys_a_call)

    async def probe(self, call: Call) -> None:
        """Make sure that the register answers. Raises `AgencyFailure`."""
        await self._sql.rows(_PROBE, {}, call)

    async def _rows(self, statement: str, niks: Sequence[Nik], call: Call) -> Sequence[Row]:
        return await self._sql.rows(statement, {"niks": list(niks)}, call) if niks else ()


def facets_statement(wanted: frozenset[type[PersonFacet]]) -> str:
    """The statement that asks for the columns of these facets and for no others."""
    columns = [column for facet, needed in _COLUMNS.items() if facet in wanted for column in needed]
    return f"SELECT nik, {', '.join(columns)} FROM biodata_wni WHERE nik = ANY(:niks)"  # noqa: S608 - columns are ours


def read_facets(
    row: Row, wanted: frozenset[type[PersonFacet]]
) -> Mapping[type[PersonFacet], PersonFacet] | AgencyFailure:
    """The wanted facets in one row of the register."""
    try:
        return {facet: read(row) for facet, read in _READERS.items() if facet in wanted}
    except UnreadableError as error:
        return AgencyMalformed(AGENCY, str(error))


def read_households(rows: Iterable[Row]) -> Answers[Nik, Household]:
    """The household of everybody in rows that hold whole family cards."""
    cards: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        number = text(row["no_kk"])
        if number is not None:
            cards[number].append(row)
    found: dict[Nik, Household | AgencyFailure] = {}
    for number, members in cards.items():
        answer = _household_or_failure(FamilyCardNumber(number), members)
        found.update((_nik(row), answer) for row in members)
    return found


def _household_or_failure(number: FamilyCardNumber, rows: Sequence[Row]) -> Household | AgencyFailure:
    try:
        return _household(number, rows)
    except UnreadableError as error:
        return AgencyMalformed(AGENCY, str(error))


def _household(number: FamilyCardNumber, rows: Sequence[Row]) -> Household:
    on_the_card = tuple(sorted(_nik(row) for row in rows))
    members = [_member(row, on_the_card) for row in rows]
    head = text(rows[0]["nik_kepala"])
    head_nik = Nik(head) if head else _head_by_relationship(members)
    members.sort(key=lambda member: _place_on_the_card(member, head_nik))
    return Household(
        family_card_number=number,
        head_nik=head_nik,
        members=tuple(members),
        on_the_card=on_the_card,
    )


def _head_by_relationship(members: Iterable[HouseholdMember]) -> Nik | None:
    return next((member.nik for member in members if member.relationship is Relationship.HEAD), None)


def _place_on_the_card(member: HouseholdMember, head: Nik | None) -> tuple[bool, int, date, Nik]:
    """Head, spouse, children from the oldest, then everybody else: as a card lists them."""
    return (member.nik != head, _RANK[member.relationship], member.birth_date or date.max, member.nik)


def _member(row: Row, on_the_card: tuple[Nik, ...]) -> HouseholdMember:
    return HouseholdMember(
        nik=_nik(row),
        name=_name(row["nama_lgkp"]),
        sex=_sex(row["jenis_klmin"]),
        birth_date=day(row["tgl_lhr"]),
        relationship=_RELATIONSHIPS.get(_word(row["stat_hbkel"]), Relationship.OTHER),
        on_the_card=on_the_card,
    )


def _identity(row: Row) -> Identity:
    return Identity(
        nik=_nik(row),
        name=_name(row["nama_lgkp"]),
        sex=_sex(row["jenis_klmin"]),
        birth_place=_term(row["tmpt_lhr"]),
        birth_date=day(row["tgl_lhr"]),
    )


def _residence(row: Row) -> Residence:
    return Residence(
        nik=_nik(row),
        address=_term(row["alamat"]),
        neighbourhood_unit=whole_number(row["no_rt"]) or None,  # no unit has the number 0
        community_unit=whole_number(row["no_rw"]) or None,
        region_code=region_from_numbers(row["no_prop"], row["no_kab"], row["no_kec"], row["no_kel"]),
    )


def _civil_status(row: Row) -> CivilStatus:
    return CivilStatus(
        nik=_nik(row),
        religion=_term(row["agama"]),
        marital_status=_marital_status(row["status_kawin"]),
        education=_term(row["pddk_akh"]),
        occupation=_term(row["jenis_pkrjn"]),
        blood_type=_blood_type(row["gol_darah"]),
    )


def _parentage(row: Row) -> Parentage:
    mother, father = text(row["nama_lgkp_ibu"]), text(row["nama_lgkp_ayah"])
    return Parentage(
        nik=_nik(row),
        mother_name=mother and person_name(mother),
        father_name=father and person_name(father),
    )


_READERS: Mapping[type[PersonFacet], Callable[[Row], PersonFacet]] = {
    Identity: _identity,
    Residence: _residence,
    CivilStatus: _civil_status,
    Parentage: _parentage,
}


def _nik(row: Row) -> Nik:
    return Nik(str(row["nik"]))


def _name(raw: object) -> str:
    name = text(raw, "a name")
    if name is None:
        raise UnreadableError("a name")  # nobody is in the register without one
    return person_name(name)


def _term(raw: object) -> str | None:
    term = text(raw)
    return term and ordinary(term)


def _word(raw: object) -> str:
    """A word of one of the register's lists, for looking it up."""
    return (text(raw) or "").upper()


def _sex(raw: object) -> Sex | None:
    return _SEXES.get(_word(raw).replace(" ", ""))


def _marital_status(raw: object) -> MaritalStatus | None:
    word = _word(raw)
    return next((status for start, status in _MARITAL_STATUSES.items() if word.startswith(start)), None)


def _blood_type(raw: object) -> BloodType | None:
    group = _word(raw).rstrip("+-")  # the rhesus factor is not part of the group
    return next((kind for kind in BloodType if kind.value == group), None)
