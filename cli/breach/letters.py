"""The letters about a breach, to the people and to the authority, in Indonesian with English beside it.

Both contain what UU PDP 27/2022, article 46, paragraph 2, requires: which data, when and how, and the measures. Facts
that the hub does not know are left as marked placeholders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from string import Template

from records.clocks import CITY_TIME_ZONE
from records.hub.breaches import AffectedPerson, Breach, ReaderCount
from records.plurals import count_noun
from services.ledger.entry_text import group_fields

TEMPLATES = Path(__file__).parents[2] / "data" / "letters"
PLACEHOLDER, PLACEHOLDER_EN = "[ISI: {}]", "[FILL IN: {}]"

DATA_GROUPS: Mapping[str, str] = {
    "identity": "identitas",
    "home": "tempat tinggal",
    "civil status": "status sipil",
    "parents": "orang tua",
    "family card": "kartu keluarga",
    "property tax": "pajak bumi dan bangunan",
    "small businesses": "usaha mikro dan kecil",
    "school": "sekolah",
    "school support (KJP Plus)": "bantuan pendidikan (KJP Plus)",
    "businesses": "usaha terdaftar",
    "health insurance": "jaminan kesehatan",
    "vaccinations": "vaksinasi",
    "social assistance": "bantuan sosial",
    "payments": "pembayaran",
    "services": "layanan kota",
    "receipts": "tanda terima",
    "complaints": "pengaduan",
    "cases": "urusan dengan kota",
    "access log": "riwayat akses data",
    "consents": "persetujuan",
    "agreement with the register": "kesesuaian dengan data kependudukan",
    "data requests": "permintaan tentang data",
    "restrictions": "pembatasan penggunaan data",
    "export": "salinan seluruh data",
    "existence in the register": "keberadaan dalam data kependudukan",
}
"""Names of data groups (`services/ledger/entry_text.py`) in Indonesian."""
DATA_CLASSES: Mapping[str, tuple[str, str]] = {
    "PERSONAL": ("data pribadi yang bersifat umum", "general personal data"),
    "SPECIFIC:HEALTH": ("data dan informasi kesehatan", "health data"),
    "SPECIFIC:CHILD": ("data anak", "data of children"),
    "SPECIFIC:FINANCE": ("data keuangan pribadi", "personal finance"),
}
"""Classes of data (article 4), in Indonesian and English."""
_MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli"),
    *("Agustus", "September", "Oktober", "November", "Desember"),
)


@dataclass(slots=True)
class BreachExtent:
    """The extent of a breach over all affected people."""

    people: int = 0
    reads: int = 0
    unattributed_reads: int = 0
    """Reads about people who cannot be identified."""
    people_not_yet_notifiable: int = 0
    """People who may not be notified yet of one of these reads."""
    first: datetime | None = None
    last: datetime | None = None
    fields: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    agencies: set[str] = field(default_factory=set)

    def add(self, each: AffectedPerson) -> None:
        """Add one affected person."""
        self.reads += each.reads
        if each.subject is None:
            self.unattributed_reads += each.reads
        else:
            self.people += 1
            self.people_not_yet_notifiable += each.hidden_until is not None
        self.first = min(filter(None, (self.first, each.first)))
        self.last = max(filter(None, (self.last, each.last)))
        self.fields.update(each.fields)
        self.classes.update(each.classes)
        self.agencies.update(each.agencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDetails:
    """Facts that only people know, in Indonesian and in English; None if not given."""

    controller: str | None = None
    contact: str | None = None
    how: str | None = None
    how_en: str | None = None
    measures: str | None = None
    measures_en: str | None = None
    what_en: str | None = None


def render_letters(
    breach: Breach,
    extent: BreachExtent,
    details: LetterDetails,
    *,
    readers: Sequence[ReaderCount],
    purged: int,
    now: datetime,
) -> Mapping[str, str]:
    """Both letters, by file name."""
    values = (
        _detail_values(breach, details)
        | _extent_values(breach, extent)
        | _deadline_values(breach, now)
        | _completeness_values(purged)
        | {"name": breach.name, "readers": _format_readers(readers)}
    )
    safe = {name: _to_table_cell(value) for name, value in values.items()}
    return {
        name: Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(safe)
        for name in ("breach-people.md", "breach-authority.md")
    }


def count_placeholders(written: Iterable[str]) -> int:
    """The number of placeholders that the letters still hold."""
    return sum(letter.count("[ISI: ") + letter.count("[FILL IN: ") for letter in written)


def format_moment(at: datetime) -> str:
    """The time in the city's zone, in Indonesian."""
    local = at.astimezone(CITY_TIME_ZONE)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} pukul {local:%H.%M} WIB"


def format_moment_en(at: datetime) -> str:
    """The time in the city's zone, in English."""
    return f"{at.astimezone(CITY_TIME_ZONE):%Y-%m-%d %H:%M} WIB (UTC+7)"


def _detail_values(breach: Breach, details: LetterDetails) -> dict[str, str]:
    how, measures = (
        details.how or PLACEHOLDER.format("bagaimana terungkap"),
        details.measures or PLACEHOLDER.format("upaya"),
    )
    return {
        "controller": details.controller or PLACEHOLDER.format("nama pengendali data"),
        "contact": details.contact or PLACEHOLDER.format("pejabat pelindungan data pribadi"),
        "contact_en": details.contact or PLACEHOLDER_EN.format("the data-protection officer"),
        "what": breach.what,
        "what_en": details.what_en or PLACEHOLDER_EN.format(f"in English: {breach.what}"),
        "how": how,
        "how_en": details.how_en or PLACEHOLDER_EN.format("how it was disclosed"),
        "measures": measures,
        "measures_en": details.measures_en or PLACEHOLDER_EN.format("measures"),
    }


def _extent_values(breach: Breach, extent: BreachExtent) -> dict[str, str]:
    groups = group_fields(extent.fields) if extent.fields else []
    classes = [DATA_CLASSES.get(each, (each, each)) for each in sorted(extent.classes)]
    moments = {
        "start": breach.search.start,
        "end": breach.search.end,
        "first": extent.first,
        "last": extent.last,
        "known_since": breach.known_since,
    }
    values = {name: format_moment(at) if at else "—" for name, at in moments.items()}
    values |= {f"{name}_en": format_moment_en(at) if at else "—" for name, at in moments.items()}
    return values | {
        "people": str(extent.people),
        "people_en": count_noun(extent.people, "person", "people"),
        "reads": str(extent.reads),
        "reads_en": count_noun(extent.reads, "read"),
        "unknown": str(extent.unattributed_reads),
        "unknown_en": count_noun(extent.unattributed_reads, "read"),
        "things": ", ".join(DATA_GROUPS.get(each, each) for each in groups) or "—",
        "things_en": ", ".join(groups) or "—",
        "classes": ", ".join(values for values, _ in classes) or "—",
        "classes_en": ", ".join(values for _, values in classes) or "—",
        "fields": ", ".join(f"`{each}`" for each in sorted(extent.fields)) or "—",
        "agencies": ", ".join(sorted(extent.agencies)) or "—",
    }


def _deadline_values(breach: Breach, now: datetime) -> dict[str, str]:
    left = breach.due - now
    hours = abs(left) // timedelta(hours=1)
    over = left < timedelta(0)
    return {
        "written": format_moment(now),
        "due": format_moment(breach.due),
        "due_en": format_moment_en(breach.due),
        "clock": f"{hours} jam {'sesudah batas' if over else 'sebelum batas'}",
        "clock_en": f"{count_noun(hours, 'hour')} {'after' if over else 'before'} that",
    }


def _completeness_values(purged: int) -> dict[str, str]:
    if not purged:
        return {
            "complete": "Seluruh catatan akses dalam rentang waktu tersebut masih disimpan.",
            "complete_en": "All entries of the access ledger in that time are still kept.",
        }
    return {
        "complete": "Sebagian catatan akses dalam rentang waktu tersebut telah dimusnahkan karena masa retensinya"
        f" berakhir ({purged} berita acara); jumlah di atas adalah jumlah minimum.",
        "complete_en": "Some entries of the access ledger in that time were removed at the end of their retention"
        f" ({purged} receipts); the numbers above are the least.",
    }


def _format_readers(readers: Sequence[ReaderCount]) -> str:
    parts = []
    for kind, agency, client, reads in readers:
        of = f" of {agency}" if agency else ""
        by = f" by {client}" if client else ""
        parts.append(f"{kind}{of}{by}: {reads}")
    return "; ".join(parts) or "—"


def _to_table_cell(text: str) -> str:
    """The text of a table cell: on one line, with escaped borders."""
    return " ".join(text.split()).replace("|", "\\|")
