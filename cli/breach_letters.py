"""The letters that a breach takes: to the people and to the authority, in Indonesian with English beside it.

Both say what UU PDP 27/2022, article 46, paragraph 2, wants: which data, when and how, and what is done about it. What
only people know is left open and marked, never made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from string import Template

from records.breaches import Affected, Breach
from resolvers.access_text import things_of

LETTERS = Path(__file__).parents[1] / "data" / "letters"
JAKARTA = timezone(timedelta(hours=7), "WIB")
OPEN, OPEN_EN = "[ISI: {}]", "[FILL IN: {}]"

THINGS: Mapping[str, str] = {
    "identity": "identitas",
    "home": "tempat tinggal",
    "civil status": "status sipil",
    "parents": "orang tua",
    "family card": "kartu keluarga",
    "property tax": "pajak bumi dan bangunan",
    "small businesses": "usaha mikro dan kecil",
    "complaints": "pengaduan",
    "access log": "riwayat akses data",
    "consents": "persetujuan",
    "agreement with the register": "kesesuaian dengan data kependudukan",
    "data requests": "permintaan tentang data",
    "restrictions": "pembatasan penggunaan data",
    "export": "salinan seluruh data",
    "existence in the register": "keberadaan dalam data kependudukan",
}
"""What people call groups of data (`resolvers/access_text.py`), in Indonesian."""
CLASSES: Mapping[str, tuple[str, str]] = {
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
class Extent:
    """How far a breach reaches, over all whom it affects."""

    people: int = 0
    reads: int = 0
    unknown: int = 0
    """Reads about somebody whom nobody knows."""
    late: int = 0
    """People who may not be told yet of one of these reads."""
    first: datetime | None = None
    last: datetime | None = None
    fields: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    agencies: set[str] = field(default_factory=set)

    def add(self, each: Affected) -> None:
        """One more whom it affects."""
        self.reads += each.reads
        if each.subject is None:
            self.unknown += each.reads
        else:
            self.people += 1
            self.late += each.hidden_until is not None
        self.first = min(filter(None, (self.first, each.first)))
        self.last = max(filter(None, (self.last, each.last)))
        self.fields.update(each.fields)
        self.classes.update(each.classes)
        self.agencies.update(each.agencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What only people know, in Indonesian and in English; None where nobody said it yet."""

    controller: str | None = None
    contact: str | None = None
    how: str | None = None
    how_en: str | None = None
    measures: str | None = None
    measures_en: str | None = None
    what_en: str | None = None


def letters(
    breach: Breach,
    extent: Extent,
    told: Told,
    *,
    readers: Sequence[tuple[str, str | None, str | None, int]],
    purged: int,
    now: datetime,
) -> Mapping[str, str]:
    """Both letters by the names of their files."""
    values = (
        _said(breach, told)
        | _reached(breach, extent)
        | _clock(breach, now)
        | _complete(purged)
        | {"name": breach.name, "readers": _readers(readers)}
    )
    safe = {name: _in_a_cell(value) for name, value in values.items()}
    return {
        name: Template((LETTERS / name).read_text(encoding="utf-8")).substitute(safe)
        for name in ("breach-people.md", "breach-authority.md")
    }


def left_open(written: Iterable[str]) -> int:
    """How many places of the letters somebody has to fill in."""
    return sum(letter.count("[ISI: ") + letter.count("[FILL IN: ") for letter in written)


def moment(at: datetime) -> str:
    """In the city's time, in Indonesian."""
    local = at.astimezone(JAKARTA)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} pukul {local:%H.%M} WIB"


def moment_en(at: datetime) -> str:
    """In the city's time, in English."""
    return f"{at.astimezone(JAKARTA):%Y-%m-%d %H:%M} WIB (UTC+7)"


def _said(breach: Breach, told: Told) -> dict[str, str]:
    how, measures = told.how or OPEN.format("bagaimana terungkap"), told.measures or OPEN.format("upaya")
    return {
        "controller": told.controller or OPEN.format("nama pengendali data"),
        "contact": told.contact or OPEN.format("pejabat pelindungan data pribadi"),
        "contact_en": told.contact or OPEN_EN.format("the data-protection officer"),
        "what": breach.what,
        "what_en": told.what_en or OPEN_EN.format(f"in English: {breach.what}"),
        "how": how,
        "how_en": told.how_en or OPEN_EN.format("how it was disclosed"),
        "measures": measures,
        "measures_en": told.measures_en or OPEN_EN.format("measures"),
    }


def _reached(breach: Breach, extent: Extent) -> dict[str, str]:
    things = things_of(extent.fields) if extent.fields else []
    classes = [CLASSES.get(each, (each, each)) for each in sorted(extent.classes)]
    moments = {
        "start": breach.search.start,
        "end": breach.search.end,
        "first": extent.first,
        "last": extent.last,
        "known_since": breach.known_since,
    }
    said = {name: moment(at) if at else "—" for name, at in moments.items()}
    said |= {f"{name}_en": moment_en(at) if at else "—" for name, at in moments.items()}
    return said | {
        "people": str(extent.people),
        "reads": str(extent.reads),
        "unknown": str(extent.unknown),
        "things": ", ".join(THINGS.get(each, each) for each in things) or "—",
        "things_en": ", ".join(things) or "—",
        "classes": ", ".join(said for said, _ in classes) or "—",
        "classes_en": ", ".join(said for _, said in classes) or "—",
        "fields": ", ".join(f"`{each}`" for each in sorted(extent.fields)) or "—",
        "agencies": ", ".join(sorted(extent.agencies)) or "—",
    }


def _clock(breach: Breach, now: datetime) -> dict[str, str]:
    left = breach.due - now
    hours = abs(left) // timedelta(hours=1)
    over = left < timedelta(0)
    return {
        "written": moment(now),
        "due": moment(breach.due),
        "due_en": moment_en(breach.due),
        "clock": f"{hours} jam {'sesudah batas' if over else 'sebelum batas'}",
        "clock_en": f"{hours} hours {'after' if over else 'before'} that",
    }


def _complete(purged: int) -> dict[str, str]:
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


def _readers(readers: Sequence[tuple[str, str | None, str | None, int]]) -> str:
    said = []
    for kind, agency, client, reads in readers:
        of = f" of {agency}" if agency else ""
        by = f" by {client}" if client else ""
        said.append(f"{kind}{of}{by}: {reads}")
    return "; ".join(said) or "—"


def _in_a_cell(text: str) -> str:
    """What stands in a cell of a table: on one line, without a border of its own."""
    return " ".join(text.split()).replace("|", "\\|")
