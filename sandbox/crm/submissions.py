"""Complaints that were submitted over the API, kept in an SQLite file: what was acknowledged survives a kill.

Like most real systems, it stores the client's reference and does not check it: a request that is sent twice is two
complaints.
"""

import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sandbox.clock import WIB
from sandbox.crm.categories import SERVICES, ComplaintService
from sandbox.crm.complaints import CrmComplaint, CrmPhoto, HistoryStep, to_single_precision
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
_ANSWERS_TABLE = """
CREATE TABLE IF NOT EXISTS submitted_answers (submission INTEGER NOT NULL, code TEXT NOT NULL, value TEXT NOT NULL)
"""
_PHOTO_TABLE = """
CREATE TABLE IF NOT EXISTS photos (
    submission INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL, width INTEGER NOT NULL,
    height INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (submission, number)
)
"""


class InvalidSubmissionError(Exception):
    """A submission that the system does not take. The message says why."""


@dataclass(frozen=True, slots=True)
class SubmittedPhoto:
    """A photo, as it was sent."""

    content: bytes
    text: str


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
    photos: Sequence[SubmittedPhoto] = ()


class ComplaintSubmissions:
    """The submitted complaints."""

    def __init__(self, folder: Path) -> None:
        """Opens the file in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "submissions.sqlite"
        with self._connect() as connection:
            connection.execute(_TABLE)
            connection.execute(_ANSWERS_TABLE)
            connection.execute(_PHOTO_TABLE)

    def add(self, submission: Submission) -> int:
        """Stores a complaint, and returns its id."""
        at = datetime.now(WIB)
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
            connection.executemany(
                "INSERT INTO photos (submission, number, text, width, height, content) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (stored, number, each.text, *_read_size(each.content), each.content)
                    for number, each in enumerate(submission.photos, start=1)
                ],
            )
        return int(stored)

    def load_photo(self, id_: int, number: int) -> bytes | None:
        """The photo of a complaint with this number, from 1."""
        with self._connect() as connection:
            found = connection.execute(
                "SELECT content FROM photos WHERE submission = ? AND number = ?", (id_, number)
            ).fetchone()
        return None if found is None else bytes(found["content"])

    def list_all(self) -> Sequence[CrmComplaint]:
        """All submitted complaints, newest first."""
        with self._connect() as connection:
            rows = connection.execute("SELECT * FROM submissions ORDER BY id DESC").fetchall()
            photos, answers = _list_photos(connection), _list_answers(connection)
        return [_to_complaint(row, photos.get(row["id"], ()), answers.get(row["id"], ())) for row in rows]

    def find_by_reference(self, references: frozenset[str]) -> Sequence[CrmComplaint]:
        """The complaints with these references."""
        marks = ", ".join("?" * len(references))
        with self._connect() as connection:
            rows = connection.execute(
                f"SELECT * FROM submissions WHERE reference IN ({marks}) ORDER BY id DESC",  # noqa: S608 - marks only
                tuple(references),
            ).fetchall()
            photos, answers = _list_photos(connection), _list_answers(connection)
        return [_to_complaint(row, photos.get(row["id"], ()), answers.get(row["id"], ())) for row in rows]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection


def parse_submission(parameters: Mapping[str, str], photos: Sequence[SubmittedPhoto] = ()) -> Submission:
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
        photos=photos,
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


def _list_photos(connection: sqlite3.Connection) -> Mapping[int, Sequence[CrmPhoto]]:
    """The photos of all complaints, without their content."""
    photos: dict[int, list[CrmPhoto]] = {}
    for row in connection.execute("SELECT submission, text, width, height FROM photos ORDER BY submission, number"):
        photos.setdefault(row["submission"], []).append(CrmPhoto(row["text"], row["width"], row["height"]))
    return photos


def _read_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a JPEG, from the header of its frame. Raises `InvalidSubmissionError`."""
    position = 2
    while jpeg.startswith(b"\xff\xd8") and position + 9 < len(jpeg) and jpeg[position] == 0xFF:  # noqa: PLR2004 - a marker
        if 0xC0 <= jpeg[position + 1] <= 0xC3:  # noqa: PLR2004 - start of a frame
            height, width = struct.unpack(">HH", jpeg[position + 5 : position + 9])
            return width, height
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4])
    raise InvalidSubmissionError("media must be JPEG")


def _list_answers(connection: sqlite3.Connection) -> Mapping[int, Sequence[tuple[str, str]]]:
    """The answers of all complaints."""
    answers: dict[int, list[tuple[str, str]]] = {}
    for row in connection.execute("SELECT submission, code, value FROM submitted_answers ORDER BY rowid"):
        answers.setdefault(row["submission"], []).append((row["code"], row["value"]))
    return answers


def _to_complaint(row: sqlite3.Row, photos: Sequence[CrmPhoto], answers: Sequence[tuple[str, str]]) -> CrmComplaint:
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
        answers=tuple(answers),
        photos=tuple(photos),
    )
