"""The report of a breach as files: the affected people, the extent, and both letters."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from cli.breach.letters import BreachExtent, LetterDetails, count_placeholders, render_letters
from cli.command_error import CommandError
from records.hub.breaches import AffectedPerson, Breach
from records.hub.ledger_entries import SEARCH_FILTERS
from records.identifiers import Nik
from store.ledger.breaches import Breaches

_NIK = re.compile(r"\d{16}", re.ASCII)
_COLUMNS = ("person", "known", "reads", "first", "last", "fields", "classes", "may_be_told_from")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachReport:
    """The contents of a written report."""

    extent: BreachExtent
    people_named: int
    """People identified by the list of residents."""
    placeholders: int
    """Placeholders in the letters that have to be filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachReportRequest:
    """The contents and the destination of a report."""

    details: LetterDetails
    folder: Path
    """Is created; only its owner can read it."""
    residents: Path | None = None
    """The city's list of residents, which identifies people."""


async def write_report(
    breaches: Breaches, breach: Breach, wanted: BreachReportRequest, *, secret: bytes, now: datetime
) -> BreachReport:
    """Write the report into a new folder that only its owner can read; raises `CommandError` if that fails."""
    folder = wanted.folder
    _create_folder(folder)
    affected = [each async for each in breaches.iterate_affected(breach)]
    extent = BreachExtent()
    for each in affected:
        extent.add(each)
    names = _match_residents(affected, wanted.residents, Pseudonyms(secret))
    tokens = _SubjectTokens(EntryTokens(secret), f"breach\0{breach.name}".encode())
    _write_people_csv(folder / "affected.csv", affected, names, tokens)
    readers, purged = await breaches.count_reads_by_reader(breach), await breaches.count_purges_in_window(breach)
    written = render_letters(breach, extent, wanted.details, readers=readers, purged=purged, now=now)
    for name, text in written.items():
        _create_file(folder / name, text)
    _create_file(folder / "summary.json", _build_summary(breach, extent, names, purged=purged, now=now))
    return BreachReport(extent=extent, people_named=len(names), placeholders=count_placeholders(written.values()))


class _SubjectTokens:
    """Tokens for people who are not identified: stable within this breach, meaningless elsewhere."""

    def __init__(self, tokens: EntryTokens, viewer: bytes) -> None:
        self._tokens = tokens
        self._viewer = viewer

    def __getitem__(self, subject: bytes) -> str:
        return self._tokens.seal(subject, self._viewer)


def _match_residents(
    affected: Sequence[AffectedPerson], residents: Path | None, pseudonyms: Pseudonyms
) -> Mapping[bytes, Nik]:
    """Identify affected people by the city's list of residents; the ledger itself holds pseudonyms only."""
    if residents is None:
        return {}
    wanted = {each.subject for each in affected}
    found: dict[bytes, Nik] = {}
    try:
        with residents.open(encoding="utf-8", newline="") as lines:
            for number, line in enumerate(lines, 1):
                candidate = line.split(",")[0].split(";")[0].strip().strip('"')
                if _NIK.fullmatch(candidate):
                    pseudonym = pseudonyms.pseudonymize_person(Nik(candidate))
                    if pseudonym in wanted:
                        found[pseudonym] = Nik(candidate)
                elif number > 1 and candidate:  # the first line may be a header
                    raise CommandError(f"{residents}, line {number}: the line must begin with a NIK of 16 digits")
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"{residents} cannot be read: {type(problem).__name__}") from problem
    return found


def _write_people_csv(
    path: Path, affected: Iterable[AffectedPerson], names: Mapping[bytes, Nik], tokens: _SubjectTokens
) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as to:
        rows = csv.writer(to)
        rows.writerow(_COLUMNS)
        for each in affected:
            if each.subject is None:
                continue
            known = names.get(each.subject)
            hidden = each.hidden_until.isoformat() if each.hidden_until else ""
            span = each.first.isoformat(), each.last.isoformat()
            what = " ".join(each.fields), " ".join(each.classes)
            rows.writerow((known or tokens[each.subject], "yes" if known else "no", each.reads, *span, *what, hidden))


def _build_summary(
    breach: Breach, extent: BreachExtent, names: Mapping[bytes, Nik], *, purged: int, now: datetime
) -> str:
    search = breach.search
    found = {
        "breach": breach.name,
        "what": breach.what,
        "window": [search.start, search.end],
        "filters": {
            name: value for name in SEARCH_FILTERS if name != "caller" and (value := getattr(search, name)) is not None
        }
        | ({"caller": "named"} if search.caller is not None else {}),
        "known_since": breach.known_since,
        "due": breach.due,
        "written_at": now,
        "people": extent.people,
        "people_named": len(names),
        "people_not_yet_notifiable": extent.people_not_yet_notifiable,
        "reads": extent.reads,
        "reads_about_unknown": extent.unattributed_reads,
        "first_read": extent.first,
        "last_read": extent.last,
        "fields": sorted(extent.fields),
        "classes": sorted(extent.classes),
        "agencies": sorted(extent.agencies),
        "receipts_of_purges_in_the_window": purged,
    }
    return json.dumps(found, indent=2, default=lambda each: each.isoformat()) + "\n"


def _create_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise CommandError(f"{folder} exists already: name a new folder, reports are not overwritten") from None
    except OSError as problem:
        raise CommandError(f"{folder} cannot be created: {problem.strerror}") from problem


def _create_file(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as to:
        to.write(text)
