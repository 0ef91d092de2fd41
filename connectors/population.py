"""The population register (Dukcapil): the civil registry's PostgreSQL warehouse, by NIK."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from connectors.batching.fan_out import ask_in_chunks
from connectors.batching.row_check import RowCheck
from connectors.connector_parts import ConnectorParts
from connectors.declared.tables import ManifestTable
from connectors.drivers.sql.driver import Row, SqlDriver
from connectors.population_households import STATEMENT as HOUSEHOLDS
from connectors.population_households import read_households, require_own_cards
from connectors.population_values import nik_of, person_name_of, sex_of, word
from connectors.readers.dates import day
from connectors.readers.family_cards import district_of_issue
from connectors.readers.names import person_name, to_ordinary_case
from connectors.readers.numbers import whole_number
from connectors.readers.regions import region_from_numbers
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import Nik
from records.population import (
    BloodType,
    Citizen,
    CivilStatus,
    Household,
    Identity,
    MaritalStatus,
    Parentage,
    PersonFacet,
    Residence,
)

_COLUMNS: Mapping[type[PersonFacet], tuple[str, ...]] = {
    Identity: ("nama_lgkp", "jenis_klmin", "tmpt_lhr", "tgl_lhr"),
    Residence: ("alamat", "no_rt", "no_rw", "no_prop", "no_kab", "no_kec", "no_kel"),
    CivilStatus: ("agama", "status_kawin", "pddk_akh", "jenis_pkrjn", "gol_darah"),
    Parentage: ("nama_lgkp_ibu", "nama_lgkp_ayah"),
}
"""The columns of each facet; no other column is ever queried."""

_KNOWN = "SELECT nik FROM biodata_wni WHERE nik = ANY(:niks)"
_PROBE = "SELECT nik FROM biodata_wni LIMIT 1"

_MARITAL_STATUSES = {
    "BELUM KAWIN": MaritalStatus.SINGLE,
    "KAWIN": MaritalStatus.MARRIED,
    "CERAI HIDUP": MaritalStatus.DIVORCED,
    "CERAI MATI": MaritalStatus.WIDOWED,
}
"""A suffix may state whether it was registered: `KAWIN TERCATAT`, `KAWIN BELUM TERCATAT`."""
_MOST_DISTRICTS = 1_000
"""Maximum unknown districts that are logged; Indonesia has about 7,300."""

_log = logging.getLogger("simpul.agencies")


class PopulationRegister:
    """Queries the register. Each read is one statement for any number of people, unless `max_batch_size` limits it."""

    def __init__(
        self, sql: SqlDriver, *, max_batch_size: int | None = None, knows_region: Callable[[str], bool] = lambda _: True
    ) -> None:
        """`knows_region` returns whether a region code is in the tables; an unknown district of a card is logged."""
        self._sql = sql
        self._max_batch_size = max_batch_size
        self._knows_region = knows_region
        self._check = RowCheck(sql.agency, sql.counts)
        self._unknown_districts: set[str] = set()

    @classmethod
    def connect(cls, parts: ConnectorParts) -> Self:
        """Build the connector of a manifest."""
        parts.read_options(ManifestTable)  # it has none
        return cls(
            parts.require_driver(SqlDriver),
            max_batch_size=parts.gate.terms.max_batch_size,
            knows_region=parts.knows_region,
        )

    async def load_known(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Citizen]:
        """The people that the register knows. Raises `AgencyFailure`."""

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Citizen]:
            found = self._one_each(await self._own_rows(_KNOWN, some, call), some)
            return {nik: row if isinstance(row, AgencyFailure) else Citizen(nik=nik) for nik, row in found.items()}

        return await ask_in_chunks(niks, ask, max_batch_size=self._max_batch_size)

    async def load_facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        """The wanted facets of each person; no column of any other facet is asked for. Raises `AgencyFailure`.

        A person with an unreadable wanted value gets `AgencyMalformed`.
        """
        if not wanted:
            return {}
        statement = facets_statement(wanted)

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
            found = self._one_each(await self._own_rows(statement, some, call), some)
            read = await self._sql.work.map(tuple(found.values()), lambda row: _facets(self._sql.agency, row, wanted))
            return dict(zip(found, read, strict=True))

        return await ask_in_chunks(niks, ask, max_batch_size=self._max_batch_size)

    async def households(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Household]:
        """The household of each person, with all members of its card. Raises `AgencyFailure`.

        A person without a family card is absent. A card that cannot belong to one family (impossible number, two heads,
        too many members, an unreadable value) is `AgencyMalformed` for every requested person on it.
        """

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Household]:
            rows = await self._rows(HOUSEHOLDS, some, call, lambda rows: require_own_cards(self._check, rows, some))
            return await read_households(self._check, rows, some, self._sql.work)

        found = await ask_in_chunks(niks, ask, max_batch_size=self._max_batch_size)
        for household in found.values():
            if isinstance(household, Household):
                self._look_at_district(household)
        return found

    async def probe(self, call: Call) -> None:
        """Check that the register answers. Raises `AgencyFailure`."""
        await self._sql.rows(_PROBE, {}, call)

    async def _own_rows(self, statement: str, niks: Sequence[Nik], call: Call) -> Sequence[Row]:
        """Rows about these people only."""
        return await self._rows(
            statement, niks, call, lambda rows: self._check.require_requested(map(_written_nik, rows), niks)
        )

    async def _rows(
        self, statement: str, niks: Sequence[Nik], call: Call, check: Callable[[Sequence[Row]], None]
    ) -> Sequence[Row]:
        return await self._sql.rows(statement, {"niks": list(niks)}, call, check=check) if niks else ()

    def _one_each(self, rows: Sequence[Row], asked: Sequence[Nik]) -> Answers[Nik, Row]:
        """The one row of each requested person."""
        found = self._check.group_by_key(rows, asked, key_of=_written_nik, id_of=_written_nik)
        return {nik: each if isinstance(each, AgencyFailure) else each[0] for nik, each in found.items()}

    def _look_at_district(self, household: Household) -> None:
        """Log once each district of issue that is in no table: a former one, or a mistake."""
        district = district_of_issue(household.family_card_number)
        if self._knows_region(district) or district in self._unknown_districts:
            return
        if len(self._unknown_districts) < _MOST_DISTRICTS:
            self._unknown_districts.add(district)
            _log.warning("The number of a family card names the unknown district %s. The card is used", district)


def _written_nik(row: Row) -> str:
    return str(row["nik"])


def facets_statement(wanted: frozenset[type[PersonFacet]]) -> str:
    """The statement that asks for the columns of these facets and for no others."""
    columns = [column for facet, needed in _COLUMNS.items() if facet in wanted for column in needed]
    return f"SELECT nik, {', '.join(columns)} FROM biodata_wni WHERE nik = ANY(:niks)"  # noqa: S608 - columns are ours


def _facets(
    agency: str, row: Row | AgencyFailure, wanted: frozenset[type[PersonFacet]]
) -> Mapping[type[PersonFacet], PersonFacet] | AgencyFailure:
    return row if isinstance(row, AgencyFailure) else read_facets(agency, row, wanted)


def read_facets(
    agency: str, row: Row, wanted: frozenset[type[PersonFacet]]
) -> Mapping[type[PersonFacet], PersonFacet] | AgencyFailure:
    """The wanted facets in one row of the register."""
    try:
        return {facet: read(row) for facet, read in _READERS.items() if facet in wanted}
    except UnreadableError as error:
        return AgencyMalformed(agency, str(error))


def _identity(row: Row) -> Identity:
    return Identity(
        nik=nik_of(row),
        name=person_name_of(row["nama_lgkp"]),
        sex=sex_of(row["jenis_klmin"]),
        birth_place=_term(row["tmpt_lhr"]),
        birth_date=day(row["tgl_lhr"]),
    )


def _residence(row: Row) -> Residence:
    return Residence(
        nik=nik_of(row),
        address=_term(row["alamat"]),
        neighbourhood_unit=whole_number(row["no_rt"]) or None,  # no unit has the number 0
        community_unit=whole_number(row["no_rw"]) or None,
        region_code=region_from_numbers(row["no_prop"], row["no_kab"], row["no_kec"], row["no_kel"]),
    )


def _civil_status(row: Row) -> CivilStatus:
    return CivilStatus(
        nik=nik_of(row),
        religion=_term(row["agama"]),
        marital_status=_marital_status(row["status_kawin"]),
        education=_term(row["pddk_akh"]),
        occupation=_term(row["jenis_pkrjn"]),
        blood_type=_blood_type(row["gol_darah"]),
    )


def _parentage(row: Row) -> Parentage:
    mother, father = text(row["nama_lgkp_ibu"]), text(row["nama_lgkp_ayah"])
    return Parentage(
        nik=nik_of(row),
        mother_name=mother and person_name(mother),
        father_name=father and person_name(father),
    )


_READERS: Mapping[type[PersonFacet], Callable[[Row], PersonFacet]] = {
    Identity: _identity,
    Residence: _residence,
    CivilStatus: _civil_status,
    Parentage: _parentage,
}


def _term(raw: object) -> str | None:
    term = text(raw)
    return term and to_ordinary_case(term)


def _marital_status(raw: object) -> MaritalStatus | None:
    written = word(raw)
    return next((status for start, status in _MARITAL_STATUSES.items() if written.startswith(start)), None)


def _blood_type(raw: object) -> BloodType | None:
    group = word(raw).rstrip("+-")  # the rhesus factor is not part of the group
    return next((kind for kind in BloodType if kind.value == group), None)
