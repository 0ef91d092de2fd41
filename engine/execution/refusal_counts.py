"""Counts the refusals among the errors of an answer, by field and reason (`engine/execution/denied_fields.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from engine.errors import Forbidden, ReaderBudgetExceeded, get_cause
from engine.execution.null_propagation import LocatedErrors
from engine.plan.plan import Plan
from engine.reporting import OPERATION, Refusals, RefusedField

_OPERATION_CODES = frozenset({"INSUFFICIENT_SCOPE", "QUERY_NOT_IN_SAFELIST", "PERSISTED_QUERY_ID_REQUIRED"})


def collect_refusals(errors: Sequence[GraphQLError], plan: Plan) -> Refusals:
    """The refusals among the errors of a run."""
    if isinstance(errors, LocatedErrors):
        return count_refusals((fault.field.name, fault.error) for fault in errors.iterate_field_errors())
    names = {id(node): field.name for field in plan.fields for node in field.nodes}
    return count_refusals((names.get(id(each.nodes[0])), get_cause(each)) for each in errors if each.nodes)


def count_refusals(faults: Iterable[tuple[str | None, Exception]]) -> Refusals:
    """The refusals among errors of fields."""
    found: Counter[RefusedField] = Counter()
    for field, fault in faults:
        if isinstance(fault, Forbidden | ReaderBudgetExceeded):
            found[RefusedField(field or OPERATION, get_reason(fault))] += 1
    return found


def get_reason(refusal: Forbidden | ReaderBudgetExceeded) -> str:
    """The reason, as counted."""
    return refusal.reason if isinstance(refusal, Forbidden) else refusal.code


def collect_operation_refusals(errors: Sequence[Mapping[str, Any]]) -> Refusals:
    """The refusal of an operation that this client may not run; empty for other errors."""
    codes = [each["extensions"]["code"] for each in errors]
    return {RefusedField(OPERATION, code): 1 for code in codes if code in _OPERATION_CODES}
