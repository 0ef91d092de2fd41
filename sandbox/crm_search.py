"""Which complaints a request to the sandbox's complaint desk selects: parameters read, rows picked, page cut."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.clock import EPOCH
from sandbox.crm_data import CLOSED, STATES, Complaint, Desk, Pending

PAGE_SIZE, PAGE_SIZE_AT_MOST, KEYS_AT_MOST = 50, 500, 500
COUNT_DIGITS = 8
WINDOW = timedelta(days=90)
"""How far back a list reaches that names no dates, ids or reporters."""


class UnclearError(Exception):
    """A parameter that cannot be used. The message names it and how it should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a request asks for; an empty set does not restrict."""

    ids: frozenset[int]
    reporters: frozenset[str]
    services: frozenset[int]
    states: frozenset[str]
    regions: frozenset[str]
    status: frozenset[str]
    start: datetime | None
    end: datetime | None
    updated_after: datetime | None
    page: int
    page_size: int
    extensions: bool


def search_of(given: Mapping[str, str]) -> Search:
    """The search that query or form parameters ask for; unknown ones are ignored. Raises `UnclearError`."""
    states = _words(given, "code_status")
    status = _words(given, "status")
    if not states <= set(STATES):
        raise UnclearError(f"code_status must be of {', '.join(STATES)}")
    if not status <= {"open", "closed"}:
        raise UnclearError("status must be open or closed")
    return Search(
        ids=_numbers(given, "service_request_id"),
        reporters=_words(given, "reporter"),
        services=_numbers(given, "service_code"),
        states=states,
        regions=_words(given, "region"),
        status=status,
        start=_moment(given, "start_date"),
        end=_moment(given, "end_date"),
        updated_after=_moment(given, "updated_after"),
        page=_count(given, "page", 1),
        page_size=min(_count(given, "page_size", PAGE_SIZE), PAGE_SIZE_AT_MOST),
        extensions=given.get("extensions") == "true",
    )


def found(desk: Desk, search: Search, *, trusted: bool) -> list[Complaint | Pending]:
    """The rows of one page, newest first. Private complaints come only by id or reporter, and only to the trusted."""
    if search.ids:
        return [one for one in desk.complaints if one.id in search.ids and (one.public or trusted)]
    if not (search.reporters or search.start or search.end or search.updated_after):
        search = _within_window(search)
    rows: list[Complaint | Pending] = [*desk.pending, *desk.complaints]
    chosen = [row for row in rows if _shown(row, search) and _matches(row, search)]
    return chosen[(search.page - 1) * search.page_size :][: search.page_size]


def _within_window(search: Search) -> Search:
    return replace(search, start=EPOCH - WINDOW)


def _shown(row: Complaint | Pending, search: Search) -> bool:
    if search.reporters:
        return row.reporter_nik in search.reporters
    return isinstance(row, Pending) or row.public


def _matches(row: Complaint | Pending, search: Search) -> bool:
    updated = row.updated if isinstance(row, Complaint) else row.requested
    return (
        (not search.services or row.service.code in search.services)
        and (search.start is None or row.requested >= search.start)
        and (search.end is None or row.requested < search.end)
        and (search.updated_after is None or updated > search.updated_after)
        and _stands(row, search)
    )


def _stands(row: Complaint | Pending, search: Search) -> bool:
    """Whether state and place fit; a report without a number has neither yet and counts as open."""
    if isinstance(row, Pending):
        return not (search.states or search.regions) and search.status != {"closed"}
    return (
        (not search.status or status_of(row) in search.status)
        and (not search.states or row.state in search.states)
        and (not search.regions or any(f"{row.kelurahan.code}.".startswith(f"{code}.") for code in search.regions))
    )


def status_of(complaint: Complaint) -> str:
    """The two-valued status of the standard."""
    return "closed" if complaint.state in CLOSED else "open"


def _words(given: Mapping[str, str], name: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in given.get(name, "").split(",") if word.strip())
    if len(words) > KEYS_AT_MOST:
        raise UnclearError(f"{name} takes at most {KEYS_AT_MOST} values")
    return words


def _numbers(given: Mapping[str, str], name: str) -> frozenset[int]:
    words = _words(given, name)
    if not all(word.isascii() and word.isdigit() for word in words):
        raise UnclearError(f"{name} must be numbers separated by commas")
    return frozenset(int(word) for word in words)


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    """A moment with its offset. A plus sign that a client forgot to escape arrives as a space and is forgiven."""
    if not (text := given.get(name, "")):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UnclearError(f"{name} must look like 2026-10-01T00:00:00+07:00")
    return moment


def _count(given: Mapping[str, str], name: str, otherwise: int) -> int:
    text = given.get(name, str(otherwise))
    if not (text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS and int(text)):
        raise UnclearError(f"{name} must be a number from 1")
    return int(text)
