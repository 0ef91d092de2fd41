"""Complaints that were submitted over the API, kept in an SQLite file: what was acknowledged survives a kill.

Like most real systems, it stores the client's reference and does not check it: a request that is sent twice is two
complaints.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from sandbox.crm.categories import SERVICES, ComplaintService
from sandbox.crm.complaints import CrmComplaint, HistoryStep, to_single_precision
from sandbox.population.regions import load_regions

FIRST_ID = 20_000_001
CHANNEL = "JAKI"
MAX_DESCRIPTION_LENGTH = 2_000
LIST_SEPARATOR = "\n"
"""Separates the values of a list such as `attribute[CODE][]`, in one parameter."""
_TABLE = """
CREATE TABLE IF NOT EXISTS submissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT, reporter TEXT NOT NULL, service INTEGER NOT NULL,
    description TEXT NOT NULL, kelurahan TEXT NOT NULL, address TEXT NOT NULL, latitude REAL, longitude REAL,
    public INTEGER NOT NULL, at TEXT NOT NULL
)
"""
_ANSWERS = """
CREATE TABLE IF NOT EXISTS submitted_answers (submission INTEGER NOT NULL, code TEXT NOT NULL, value TEXT NOT NULL)
"""


class InvalidSubmissionError(Exception):
    """A submission that the system does not take. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A new complaint, as it was sent."""

    reference: str | None
    reporter: str
    service: int
    description: str
    kelurahan: str
    address: str
    place: tuple[float, float] | None
    public: bool
    answers: tuple[tuple[str, str], ...] = ()
    """Codes of questions and their values."""


class ComplaintSubmissions:
    """The submitted complaints."""

    def __init__(self, folder: Path, now: datetime) -> None:
        """Opens the file in the folder; `now` is the time of the sandbox at the start."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "submissions.sqlite"
        self._now, self._started = now, monotonic()
        with self._connect() as connection:
            connection.execute(_TABLE)
            connection.execute(_ANSWERS)

    def add(self, submission: Submission) -> int:
        """Stores a complaint, and returns its id."""
        at = self._now + timedelta(seconds=monotonic() - self._started)
        place = submission.place or (None, None)
        with self._connect() as connection:
            connection.execute(
                "INSERT INTO submissions (id, reference, reporter, service, description, kelurahan, address, latitude,"
                " longitude, public, at) VALUES ((SELECT coalesce(max(id), ?) + 1 FROM submissions), ?, ?, ?, ?, ?, ?,"
                " ?, ?, ?, ?)",
                (
                    FIRST_ID - 1,
                    submission.reference,
                    submission.reporter,
                    submission.service,
                    submission.description,
                    submission.kelurahan,
                    submission.address,
                    *place,
                    submission.public,
                    at.isoformat(timespec="seconds"),
                ),
            )
            [stored] = connection.execute("SELECT max(id) FROM submissions").fetchone()
            connection.executemany(
                "INSERT INTO submitted_answers VALUES (?, ?, ?)", [(stored, *each) for each in submission.answers]
            )
        return int(stored)

    def list_all(self) -> Sequence[CrmComplaint]:
        """All submitted complaints, newest first."""
        with self._connect() as connection:
            rows = connection.execute("SELECT * FROM submissions ORDER BY id DESC").fetchall()
            answers = connection.execute("SELECT * FROM submitted_answers").fetchall()
        return [_to_complaint(row, answers) for row in rows]

    def find_by_reference(self, references: frozenset[str]) -> Sequence[CrmComplaint]:
        """The complaints with these references."""
        marks = ", ".join("?" * len(references))
        with self._connect() as connection:
            rows = connection.execute(
                f"SELECT * FROM submissions WHERE reference IN ({marks}) ORDER BY id DESC",  # noqa: S608 - marks only
                tuple(references),
            ).fetchall()
            answers = connection.execute("SELECT * FROM submitted_answers").fetchall()
        return [_to_complaint(row, answers) for row in rows]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection


def parse_submission(parameters: Mapping[str, str]) -> Submission:
    """Reads the form of POST Service Request. Raises `InvalidSubmissionError`."""
    code = parameters.get("service_code", "")
    service = SERVICES.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 6 else None  # noqa: PLR2004 - digits
    if service is None:
        raise InvalidSubmissionError("service_code was not found")
    description = parameters.get("description", "").strip()
    if not description or len(description) > MAX_DESCRIPTION_LENGTH:
        raise InvalidSubmissionError(f"description must have 1 to {MAX_DESCRIPTION_LENGTH} characters")
    answers = _parse_answers(parameters, service)
    kelurahan = parameters.get("region", "")
    place = _parse_place(parameters)
    if place is None and kelurahan not in load_regions().villages and not parameters.get("address_string"):
        raise InvalidSubmissionError("lat and long, region, or address_string is required")
    if kelurahan not in load_regions().villages:
        kelurahan = next(iter(sorted(load_regions().villages)))
    return Submission(
        reference=parameters.get("reference") or None,
        reporter=parameters.get("reporter", ""),
        service=service.code,
        description=description,
        kelurahan=kelurahan,
        address=parameters.get("address_string", ""),
        place=place,
        public=parameters.get("visibility") != "PRIVATE",
        answers=answers,
    )


def _parse_answers(parameters: Mapping[str, str], service: ComplaintService) -> tuple[tuple[str, str], ...]:
    """The answers to the questions of a category. Raises `InvalidSubmissionError`."""
    found = []
    for question in service.questions:
        name = f"attribute[{question.code}]"
        given = parameters.get(name, ""), *parameters.get(f"{name}[]", "").split(LIST_SEPARATOR)
        values = tuple(filter(None, given))
        if question.variable and (problem := question.find_problem(values)) is not None:
            raise InvalidSubmissionError(problem)
        found += [(question.code, each) for each in values]
    return tuple(found)


def _parse_place(parameters: Mapping[str, str]) -> tuple[float, float] | None:
    given = parameters.get("lat", ""), parameters.get("long", "")
    if not any(given):
        return None
    try:
        latitude, longitude = map(float, given)
    except ValueError:
        raise InvalidSubmissionError("lat and long must be decimal degrees") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - degrees
        raise InvalidSubmissionError("lat and long must be on the map")
    return to_single_precision(latitude), to_single_precision(longitude)


def _to_complaint(row: sqlite3.Row, answers: Sequence[sqlite3.Row]) -> CrmComplaint:
    at = datetime.fromisoformat(row["at"])
    placed = row["latitude"] is not None
    return CrmComplaint(
        id=row["id"],
        number=f"JK{at:%y%m%d}{row['id'] % 10_000:04}",
        reporter_nik=row["reporter"],
        service=SERVICES[row["service"]],
        description=row["description"],
        kelurahan=load_regions().villages[row["kelurahan"]],
        address=row["address"],
        place=(row["latitude"], row["longitude"]) if placed else None,
        public=bool(row["public"]),
        channel=CHANNEL,
        steps=(HistoryStep(at, "MENUNGGU", "Laporan diterima.", "Biro Pemerintahan"),),
        supporters=0,
        rating=None,
        reference=row["reference"],
        answers=tuple((each["code"], each["value"]) for each in answers if each["submission"] == row["id"]),
    )
