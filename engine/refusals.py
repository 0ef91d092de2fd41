"""From the errors of an answer to what was refused in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from engine.errors import Forbidden, ReaderBudgetExceeded, cause_of
from engine.plan.faults import Located
from engine.plan.plan import Plan
from engine.refused_fields import OPERATION, Refusals, RefusedField

_OF_OPERATIONS = frozenset({"INSUFFICIENT_SCOPE", "QUERY_NOT_IN_SAFELIST", "PERSISTED_QUERY_ID_REQUIRED"})


def refused_in(errors: Sequence[GraphQLError], plan: Plan) -> Refusals:
    """The refusals among the errors of a run."""
    if isinstance(errors, Located):
        return refused((fault.field.name, fault.fault) for fault in errors.faults())
    names = {id(node): field.name for field in plan.fields for node in field.nodes}
    return refused((names.get(id(each.nodes[0])), cause_of(each)) for each in errors if each.nodes)


def refused(faults: Iterable[tuple[str | None, Exception]]) -> Refusals:
    """The refusals among faults of fields."""
    found: Counter[RefusedField] = Counter()
    for field, fault in faults:
        if isinstance(fault, Forbidden | ReaderBudgetExceeded):
            found[RefusedField(field or OPERATION, reason_of(fault))] += 1
    return found


def reason_of(refusal: Forbidden | ReaderBudgetExceeded) -> str:
    """The class of the reason."""
    return refusal.reason if isinstance(refusal, Forbidden) else refusal.code


def refused_operation(errors: Sequence[Mapping[str, Any]]) -> Refusals:
    """The refusal of an operation that this client may not run; none where it was not that."""
    codes = [each["extensions"]["code"] for each in errors]
    return {RefusedField(OPERATION, code): 1 for code in codes if code in _OF_OPERATIONS}
