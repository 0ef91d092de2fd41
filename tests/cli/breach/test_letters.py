"""Both letters contain data, time, cause and measures (UU PDP 27/2022, article 46), and invent nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth.policy.rules import Classification
from cli.breach.letters import (
    DATA_CLASSES,
    DATA_GROUPS,
    BreachExtent,
    LetterDetails,
    count_placeholders,
    format_moment,
    format_moment_en,
    render_letters,
)
from records.hub.breaches import AffectedPerson, Breach, ReaderCount
from records.hub.ledger_entries import AccessSearch
from services.ledger import entry_text

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BREACH = Breach(
    name="B-2026-0001",
    what="Laptop petugas loket hilang.",
    search=AccessSearch(start=NOON, end=NOON + timedelta(hours=1), agency="dukcapil"),
    opened_at=NOON,
    opened_by="rina",
    known_since=NOON,
)
DETAILS = LetterDetails(
    controller="Pemerintah Provinsi",
    contact="pdp@kota.example",
    how="Layar tidak dikunci.",
    how_en="The screen was not locked.",
    measures="Token dicabut.",
    measures_en="Tokens were withdrawn.",
    what_en="A laptop of a counter was lost.",
)
SITI = AffectedPerson(
    subject=b"S" * 32,
    reads=2,
    first=NOON,
    last=NOON + timedelta(minutes=5),
    fields=("Citizen.name", "CivilStatus.bloodType", "Residence.address"),
    classes=("PERSONAL", "SPECIFIC:HEALTH"),
    agencies=("dukcapil",),
    hidden_until=None,
)


def build_extent(*affected: AffectedPerson) -> BreachExtent:
    found = BreachExtent()
    for each in affected:
        found.add(each)
    return found


def write_letters(
    details: LetterDetails = DETAILS, *, purged: int = 0, hours: int = 10, breach: Breach = BREACH
) -> tuple[str, str]:
    readers = [ReaderCount("official", "dukcapil", "loket", 2), ReaderCount("citizen", None, None, 1)]
    found = render_letters(
        breach,
        build_extent(SITI, replace(SITI, subject=None, reads=3)),
        details,
        readers=readers,
        purged=purged,
        now=NOON + timedelta(hours=hours),
    )
    return found["breach-people.md"], found["breach-authority.md"]


def test_the_letter_to_people_has_data_time_cause_and_measures_in_both_languages() -> None:
    people, _ = write_letters()
    for each in (
        "Pemerintah Provinsi — B-2026-0001",
        "**Apa yang terjadi.** Laptop petugas loket hilang. | **What happened.** A laptop of a counter was lost.",
        "status sipil, tempat tinggal, identitas, yaitu data pribadi yang bersifat umum",
        "civil status, home, identity: general personal data, health data",
        "data pribadi yang bersifat umum, data dan informasi kesehatan",
        "Antara 20 November 2026 pukul 19.00 WIB dan 20 November 2026 pukul 20.00 WIB",
        "Between 2026-11-20 19:00 WIB (UTC+7) and 2026-11-20 20:00 WIB (UTC+7)",
        "**Bagaimana.** Layar tidak dikunci. | **How.** The screen was not locked.",
        "Token dicabut. | **What we do about it.** Tokens were withdrawn.",
        "pdp@kota.example",
        "Pasal 46",
    ):
        assert each in people
    assert count_placeholders([people]) == 0


def test_the_letter_to_the_authority_has_counts_readers_and_the_time_left() -> None:
    _, authority = write_letters()
    for each in (
        "1 person; 3 reads about unknown people",
        "`Citizen.name`, `CivilStatus.bloodType`, `Residence.address`",
        "in 5 reads; the first at 2026-11-20 19:00 WIB (UTC+7), the last at 2026-11-20 19:05 WIB (UTC+7)",
        "official of dukcapil by loket: 2; citizen: 1",
        "the 3x24 hours end at 2026-11-23 19:00 WIB (UTC+7)",
        "62 hours before that",
        "All entries of the access ledger in that time are still kept.",
    ):
        assert each in authority
    assert count_placeholders([authority]) == 0


def test_a_late_letter_says_so_and_one_with_purged_entries_says_that_it_is_incomplete() -> None:
    _, authority = write_letters(hours=80, purged=2)
    assert "8 hours after that" in authority
    assert "8 jam sesudah batas" in authority
    assert "(2 receipts); the numbers above are the least." in authority


def test_missing_details_are_placeholders_and_counted() -> None:
    people, authority = write_letters(LetterDetails())
    for each in ("[ISI: nama pengendali data]", "[FILL IN: how it was disclosed]", "[ISI: upaya]"):
        assert each in people
        assert each in authority
    assert count_placeholders([people, authority]) == 16


def test_texts_cannot_break_the_table_or_replace_template_values() -> None:
    people, _ = write_letters(replace(DETAILS, how="satu | dua\n\n# tiga $name"))
    assert "satu \\| dua # tiga $name" in people


@pytest.mark.parametrize(
    "thing", sorted({*entry_text._SUBJECTS_BY_TYPE.values(), *entry_text._SUBJECTS_BY_CITIZEN_FIELD.values()})
)
def test_every_group_of_data_has_a_name_in_indonesian(thing: str) -> None:
    assert DATA_GROUPS[thing]


def test_every_class_of_personal_data_has_a_name_in_both_languages() -> None:
    assert set(DATA_CLASSES) == {each.label for each in Classification if each is not Classification.PUBLIC}


def test_moments_are_shown_in_the_citys_time() -> None:
    late = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
    assert (format_moment(late), format_moment_en(late)) == (
        "1 Januari 2027 pukul 01.30 WIB",
        "2027-01-01 01:30 WIB (UTC+7)",
    )
