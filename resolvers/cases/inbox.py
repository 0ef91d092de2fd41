"""The inbox of a person: the cases of all sources, each read once and concurrently.

An agency that fails costs its own cases; it is named in `extensions.incomplete` of the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.agencies.routing_log import MissingPart
from engine.batch import NEVER_ABSENT, Batch, batch, load_answers
from engine.nested_freshness import NestedFreshness
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.cases import Case, CaseKey, CaseKind, CasePage, CaseQuery
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.cases.case_source import CaseReading, CaseSource, get_reading_rule
from resolvers.cases.complaint_cases import COMPLAINT_CASES
from resolvers.cases.consent_cases import CONSENT_CASES
from resolvers.cases.data_request_cases import DATA_REQUEST_CASES
from resolvers.hub.case_marks import CaseMark, last_seen, mark_seen

SOURCES: Final[tuple[CaseSource, ...]] = (COMPLAINT_CASES, DATA_REQUEST_CASES, CONSENT_CASES)
"""All sources. A new kind of case is one more."""
_READS: Final = tuple(dict.fromkeys(each for source in SOURCES for each in source.reads))


@dataclass(frozen=True, slots=True)
class _Inbox:
    """The cases of some kinds of one person, last change first."""

    cases: Sequence[Case]
    missing: Mapping[MissingPart, Exception]


@batch(domain=None, depends_on_caller=True, reads=(*_READS, last_seen), absent=NEVER_ABSENT)
async def case_pages(queries: Sequence[CaseQuery], context: HubBatchContext) -> Answers[CaseQuery, CasePage]:
    """Pages of people's cases, last change first."""
    queries_of: dict[Nik, list[CaseQuery]] = {}
    for query in queries:
        queries_of.setdefault(query.person, []).append(query)
    pages: dict[CaseQuery, CasePage] = {}
    for person, own in queries_of.items():  # of the caller or their child, who alone may read the list
        kinds = frozenset[CaseKind]().union(*(each.kinds for each in own))
        inbox = await _load_inbox(person, kinds, _trace_to(context, case_pages, own))
        for query in own:
            _record_missing(context, case_pages, query, inbox)
            pages[query] = _build_page(query, inbox)
    return pages


@batch(domain=None, depends_on_caller=True, reads=(*_READS, last_seen))
async def cases(keys: Sequence[CaseKey], context: HubBatchContext) -> Answers[CaseKey, Case]:
    """Cases by their key."""
    found = await _load_by_key(cases, keys, context)
    return {key: answer for key, answer in found.items() if answer is not None}


@batch(domain=None, depends_on_caller=True, reads=(*_READS, last_seen, mark_seen))
async def mark_cases_seen(keys: Sequence[CaseKey], context: HubBatchContext) -> Answers[CaseKey, Case]:
    """Mark the changes of cases as seen that the answer shows: a change after it is unseen again."""
    found = await _load_by_key(mark_cases_seen, keys, context)
    marked = {key: answer for key, answer in found.items() if isinstance(answer, Case)}
    marks = [CaseMark(key, each.version) for key, each in marked.items()]
    if marks:
        await load_answers(mark_seen, marks, context)
    failed = {key: answer for key, answer in found.items() if isinstance(answer, Exception)}
    return {**failed, **{key: replace(each, seen=True) for key, each in marked.items()}}


async def _load_by_key(
    by: Batch[Any, Any], keys: Sequence[CaseKey], context: HubBatchContext
) -> dict[CaseKey, Case | AgencyFailure | None]:
    """The case of each key, the failure of its agency, or None."""
    keys_of: dict[Nik, list[CaseKey]] = {}
    for key in keys:
        keys_of.setdefault(key.person, []).append(key)
    found: dict[CaseKey, Any] = {}
    for person, own in keys_of.items():
        inbox = await _load_inbox(person, {each.kind for each in own}, _trace_to(context, by, own))
        known = {each.key: each for each in inbox.cases}
        failures = {part.agency: failure for part, failure in inbox.missing.items()}
        found |= {key: known.get(key) or failures.get(key.agency) for key in own}
    return found


async def _load_inbox(person: Nik, kinds: Collection[CaseKind], context: HubBatchContext) -> _Inbox:
    """The cases of a person that the caller may see. Raises a failure if no agency answers."""
    rule = get_reading_rule(context.caller, person)
    readings = [
        CaseReading(source=each, person=person, context=context)
        for each in SOURCES
        if each.kind in kinds and rule in each.rules
    ]
    found = await asyncio.gather(*(each.source.load(each) for each in readings))
    missing = {part: failure for each in readings for part, failure in each.missing.items()}
    loaded = [case for part in found for case in part]
    if missing and not loaded and all(each.missing for each in readings):
        raise next(iter(missing.values()))
    return _Inbox(sorted(await _mark_each(loaded, context), key=_get_position, reverse=True), missing)


async def _mark_each(loaded: Sequence[Case], context: HubBatchContext) -> Sequence[Case]:
    """The cases, each with whether the person has seen its last change."""
    if not loaded:
        return loaded
    marks: Mapping[CaseKey, Any] = await load_answers(last_seen, [each.key for each in loaded], context)
    return [replace(each, seen=marks[each.key].covers(each)) for each in loaded]


def _build_page(query: CaseQuery, inbox: _Inbox) -> CasePage:
    matching = [
        each
        for each in inbox.cases
        if each.kind in query.kinds
        and query.is_open in {None, each.state.is_open}
        and query.is_seen in {None, each.seen}
    ]
    rest = matching
    if query.after is not None:
        after = query.after.changed_at, query.after.place
        rest = [each for each in matching if _get_position(each) < after]
    is_whole = not inbox.missing
    return CasePage(
        cases=tuple(rest[: query.first]),
        has_more=len(rest) > query.first,
        total=len(matching) if is_whole else None,
        unseen=sum(not each.seen for each in matching) if is_whole else None,
    )


def _get_position(case: Case) -> tuple[Any, str]:
    return case.changed_at, case.key.place


def _trace_to(context: HubBatchContext, by: Batch[Any, Any], keys: Sequence[Hashable]) -> HubBatchContext:
    """The context for reads on behalf of these keys: what they read of a copy is stale for the keys."""
    if context.recorder is None:
        return context
    return replace(context, recorder=NestedFreshness(context.recorder, by, keys))


def _record_missing(context: HubBatchContext, by: Batch[Any, Any], key: Hashable, inbox: _Inbox) -> None:
    """Name the agencies that are missing from an answer; none if all answered this time."""
    of_batch = context.routing_log.incomplete.setdefault(by, {})
    if inbox.missing:
        of_batch[key] = tuple(inbox.missing)
    else:
        of_batch.pop(key, None)
