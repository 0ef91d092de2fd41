"""What people do with complaints over the API: publish, support, comment, rate, withdraw. Kept in an SQLite file.

The client's reference is stored and not checked: a comment that is sent twice is two comments.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sandbox.clock import WIB
from sandbox.crm.complaints import CLOSED, ComplaintData, CrmComment, CrmComplaint, HistoryStep

PUBLICATION, SUPPORT, COMMENT, RATING, WITHDRAWAL = "publication", "support", "comment", "rating", "withdrawal"
RESOLUTION = "resolution"
"""By the staff, over the control API."""
KINDS = (PUBLICATION, SUPPORT, COMMENT, RATING, WITHDRAWAL)
MAX_TEXT_LENGTH = 2_000
MAX_RATING = 5
INVALID, NOT_FOUND, CONFLICT = 400, 404, 409
_TABLE = """
CREATE TABLE IF NOT EXISTS actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT, complaint INTEGER NOT NULL, kind TEXT NOT NULL,
    person TEXT NOT NULL, text TEXT NOT NULL, rating INTEGER, at TEXT NOT NULL
)
"""


class RefusedActionError(Exception):
    """An action that the system does not take, with its HTTP status."""

    def __init__(self, status: int, problem: str) -> None:
        """`problem` says why."""
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintAction:
    """One stored action."""

    id: int
    reference: str | None
    complaint: int
    kind: str
    person: str
    text: str
    rating: int | None
    at: datetime


class ComplaintActions:
    """The stored actions."""

    def __init__(self, folder: Path) -> None:
        """Opens the file in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "actions.sqlite"
        with self._connect() as connection:
            connection.execute(_TABLE)

    def add(self, kind: str, complaint: CrmComplaint, parameters: Mapping[str, str]) -> int:
        """Checks and stores an action on a complaint as it is now. Raises `RefusedActionError`."""
        person, text = parameters.get("person", ""), parameters.get("text", "").strip()
        rating = _parse_rating(parameters.get("rating", "")) if kind == RATING else None
        if not person:
            raise RefusedActionError(INVALID, "person is required")
        if len(text) > MAX_TEXT_LENGTH or (kind == COMMENT and not text):
            raise RefusedActionError(INVALID, f"text must have 1 to {MAX_TEXT_LENGTH} characters")
        _check_person(kind, complaint, person)
        _check_state(kind, complaint)
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if kind == SUPPORT and _has_supported(connection, complaint.id, person):
                raise RefusedActionError(CONFLICT, "the person supports it already")
            reference = parameters.get("reference") or None
            return self._insert(connection, (reference, complaint.id, kind, person, text, rating))

    def resolve(self, complaint: CrmComplaint) -> None:
        """Stores that the staff resolved a complaint."""
        with self._connect() as connection:
            self._insert(connection, (None, complaint.id, RESOLUTION, "", "", None))

    def _insert(self, connection: sqlite3.Connection, values: tuple[object, ...]) -> int:
        at = datetime.now(WIB).isoformat(timespec="seconds")
        stored = connection.execute(
            "INSERT INTO actions (reference, complaint, kind, person, text, rating, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, at),
        ).lastrowid
        return int(stored or 0)

    def list_all(self) -> Sequence[ComplaintAction]:
        """All actions, oldest first."""
        with self._connect() as connection:
            rows = connection.execute("SELECT * FROM actions ORDER BY id").fetchall()
        return [_to_action(row) for row in rows]

    def find_by_reference(self, reference: str) -> Sequence[ComplaintAction]:
        """The actions with this reference."""
        with self._connect() as connection:
            rows = connection.execute("SELECT * FROM actions WHERE reference = ? ORDER BY id", (reference,)).fetchall()
        return [_to_action(row) for row in rows]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection


def apply_actions(data: ComplaintData, actions: Sequence[ComplaintAction]) -> ComplaintData:
    """The complaints after the actions."""
    changed: dict[int, CrmComplaint] = {}
    for each in actions:
        complaint = changed.get(each.complaint) or data.by_id.get(each.complaint)
        if complaint is not None:
            changed[each.complaint] = _apply(complaint, each)
    return data.changed_by(changed)


def action_to_json(action: ComplaintAction) -> Mapping[str, object]:
    """An action without its person and text."""
    return {
        "action_id": action.id,
        "reference": action.reference,
        "service_request_id": action.complaint,
        "action": action.kind,
        "datetime": action.at.isoformat(timespec="seconds"),
    }


def _apply(complaint: CrmComplaint, action: ComplaintAction) -> CrmComplaint:
    match action.kind:
        case "publication":
            return replace(complaint, public=True)
        case "support":
            return replace(complaint, supporters=complaint.supporters + 1)
        case "rating":
            return replace(complaint, rating=action.rating)
        case "withdrawal":
            step = HistoryStep(action.at, "DICABUT", "Laporan dicabut oleh pelapor.", "Biro Pemerintahan")
            return replace(complaint, steps=(*complaint.steps, step))
        case "resolution":
            step = HistoryStep(action.at, "SELESAI", "Laporan selesai ditindaklanjuti.", complaint.steps[-1].agency)
            return replace(complaint, steps=(*complaint.steps, step))
    comment = CrmComment(action.at, action.text, action.person == complaint.reporter_nik)
    return replace(complaint, comments=(*complaint.comments, comment))


def _check_person(kind: str, complaint: CrmComplaint, person: str) -> None:
    is_reporter = person == complaint.reporter_nik
    if not (is_reporter or complaint.public) or (kind in {PUBLICATION, RATING, WITHDRAWAL} and not is_reporter):
        raise RefusedActionError(NOT_FOUND, "service_request_id was not found")
    if kind == SUPPORT and is_reporter:
        raise RefusedActionError(INVALID, "reporters do not support their own complaint")


def _check_state(kind: str, complaint: CrmComplaint) -> None:
    if kind == PUBLICATION and complaint.public:
        raise RefusedActionError(CONFLICT, "it is public already")
    if kind == SUPPORT and not complaint.public:
        raise RefusedActionError(NOT_FOUND, "service_request_id was not found")
    if kind == RATING and complaint.rating is not None:
        raise RefusedActionError(CONFLICT, "it is rated already")
    if kind == RATING and complaint.state != "SELESAI":
        raise RefusedActionError(CONFLICT, "it is not resolved")
    if kind == WITHDRAWAL and complaint.state in CLOSED:
        raise RefusedActionError(CONFLICT, "it is closed")


def _parse_rating(text: str) -> int:
    if not (len(text) == 1 and text.isdigit() and 1 <= int(text) <= MAX_RATING):
        raise RefusedActionError(INVALID, f"rating must be from 1 to {MAX_RATING}")
    return int(text)


def _has_supported(connection: sqlite3.Connection, complaint: int, person: str) -> bool:
    query = "SELECT 1 FROM actions WHERE kind = ? AND complaint = ? AND person = ?"
    return connection.execute(query, (SUPPORT, complaint, person)).fetchone() is not None


def _to_action(row: sqlite3.Row) -> ComplaintAction:
    return ComplaintAction(
        id=row["id"],
        reference=row["reference"],
        complaint=row["complaint"],
        kind=row["kind"],
        person=row["person"],
        text=row["text"],
        rating=row["rating"],
        at=datetime.fromisoformat(row["at"]),
    )
