"""Searches complaints for a request: parses parameters, filters rows, cuts the page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.crm.complaints import CLOSED, STATES, ComplaintData, CrmComplaint, PendingReport

PAGE_SIZE, MAX_PAGE_SIZE, MAX_KEYS = 50, 500, 500
MAX_COUNT_DIGITS = 8
WINDOW = timedelta(days=90)
"""Default window of a list without dates, ids or reporters."""


NEWEST_FIRST = "-requested"
_SORT_KEYS: Mapping[str, Callable[[CrmComplaint], float]] = {
    NEWEST_FIRST: lambda each: -each.requested_at.timestamp(),
    "requested": lambda each: each.requested_at.timestamp(),
    "-updated": lambda each: -each.updated_at.timestamp(),
    "-supporters": lambda each: -each.supporters,
}


class InvalidParameterError(Exception):
    """An invalid parameter. The message names it and its format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open311Search:
    """The search of a request; an empty set does not restrict."""

    ids: frozenset[int]
    reporters: frozenset[str]
    references: frozenset[str]
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
    words: tuple[str, ...]
    """Each of them is in the number, service, description or address."""
    sort: str
    everything: bool
    """Private complaints, too, with their reporters: for officials, by the key of the city's systems."""


def parse_search(parameters: Mapping[str, str]) -> Open311Search:
    """Parse the search from query or form parameters; unknown ones are ignored. Raises `InvalidParameterError`."""
    states = _parse_words(parameters, "code_status")
    status = _parse_words(parameters, "status")
    if not states <= set(STATES):
        raise InvalidParameterError(f"code_status must be of {', '.join(STATES)}")
    if not status <= {"open", "closed"}:
        raise InvalidParameterError("status must be open or closed")
    sort = parameters.get("sort", NEWEST_FIRST)
    if sort not in _SORT_KEYS:
        raise InvalidParameterError(f"sort must be of {', '.join(_SORT_KEYS)}")
    return Open311Search(
        ids=_parse_numbers(parameters, "service_request_id"),
        reporters=_parse_words(parameters, "reporter"),
        references=_parse_words(parameters, "reference"),
        services=_parse_numbers(parameters, "service_code"),
        states=states,
        regions=_parse_words(parameters, "region"),
        status=status,
        start=_parse_moment(parameters, "start_date"),
        end=_parse_moment(parameters, "end_date"),
        updated_after=_parse_moment(parameters, "updated_after"),
        page=_parse_count(parameters, "page", 1),
        page_size=min(_parse_count(parameters, "page_size", PAGE_SIZE), MAX_PAGE_SIZE),
        extensions=parameters.get("extensions") == "true",
        everything=parameters.get("scope") == "all",
        words=tuple(parameters.get("q", "").casefold().split()),
        sort=sort,
    )


def find_page(desk: ComplaintData, search: Open311Search, *, trusted: bool) -> list[CrmComplaint | PendingReport]:
    """The rows of one page, newest first.

    Private complaints appear only by id, reporter or in the scope `all`, to callers with a key.
    """
    if search.ids:
        return [one for one in desk.complaints if one.id in search.ids and (one.public or trusted)]
    if not (search.reporters or search.start or search.end or search.updated_after):
        search = replace(search, start=desk.now - WINDOW)
    rows: list[CrmComplaint | PendingReport] = [*desk.pending, *desk.complaints]
    chosen = [row for row in rows if _is_visible(row, search) and _matches(row, search)]
    if search.sort != NEWEST_FIRST:
        chosen = [*sorted((row for row in chosen if isinstance(row, CrmComplaint)), key=_SORT_KEYS[search.sort])]
    return chosen[(search.page - 1) * search.page_size :][: search.page_size]


def _is_visible(row: CrmComplaint | PendingReport, search: Open311Search) -> bool:
    if search.reporters:
        return row.reporter_nik in search.reporters
    return isinstance(row, PendingReport) or row.public or search.everything


def _matches(row: CrmComplaint | PendingReport, search: Open311Search) -> bool:
    updated = row.updated_at if isinstance(row, CrmComplaint) else row.requested_at
    return (
        (not search.services or row.service.code in search.services)
        and (search.start is None or row.requested_at >= search.start)
        and (search.end is None or row.requested_at < search.end)
        and (search.updated_after is None or updated > search.updated_after)
        and _has_state_and_region(row, search)
        and (not search.words or _has_words(row, search.words))
    )


def _has_words(row: CrmComplaint | PendingReport, words: tuple[str, ...]) -> bool:
    """A report without a number is not searched."""
    if isinstance(row, PendingReport):
        return False
    text = f"{row.number}\n{row.service.name}\n{row.description}\n{row.address}".casefold()
    return all(word in text for word in words)


def _has_state_and_region(row: CrmComplaint | PendingReport, search: Open311Search) -> bool:
    """Whether state and place match; a report without a number has neither and counts as open."""
    if isinstance(row, PendingReport):
        return not (search.states or search.regions) and search.status != {"closed"}
    return (
        (not search.status or to_standard_status(row) in search.status)
        and (not search.states or row.state in search.states)
        and (not search.regions or any(f"{row.kelurahan.code}.".startswith(f"{code}.") for code in search.regions))
    )


def to_standard_status(complaint: CrmComplaint) -> str:
    """The two-valued status of the standard."""
    return "closed" if complaint.state in CLOSED else "open"


def _parse_words(parameters: Mapping[str, str], name: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in parameters.get(name, "").split(",") if word.strip())
    if len(words) > MAX_KEYS:
        raise InvalidParameterError(f"{name} takes at most {MAX_KEYS} values")
    return words


def _parse_numbers(parameters: Mapping[str, str], name: str) -> frozenset[int]:
    words = _parse_words(parameters, name)
    if not all(word.isascii() and word.isdigit() for word in words):
        raise InvalidParameterError(f"{name} must be numbers separated by commas")
    return frozenset(int(word) for word in words)


def _parse_moment(parameters: Mapping[str, str], name: str) -> datetime | None:
    """A time with its offset. An unescaped plus sign arrives as a space and is accepted."""
    if not (text := parameters.get(name, "")):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidParameterError(f"{name} must look like 2026-10-01T00:00:00+07:00")
    return moment


def _parse_count(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_COUNT_DIGITS and int(text)):
        raise InvalidParameterError(f"{name} must be a number from 1")
    return int(text)
