"""Authorization decisions that need a fact, in operations that graphql-core runs: load the fact, then decide."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from engine.field_kinds import FactRequest, Verdict
from schema.declarations.request_context import RequestContext


async def resolve_after_fact(request: FactRequest, context: RequestContext, value: Callable[[], Any]) -> Any:  # noqa: ANN401 - any value
    """Returns the value once the fact is known. Raises the refusal."""
    await _decide_by_fact(request, context)
    found = value()
    return await found if isawaitable(found) else found


async def _decide_by_fact(request: FactRequest, context: RequestContext) -> None:
    """Loads the fact. Raises the refusal, or the failure to load the fact."""
    try:
        fact = await context.bridge.load(request.batch, request.key)
    except Exception as failure:  # noqa: BLE001 - the decision handles each failure
        fact = failure
    refused = request.decide(fact)
    if refused is not None:
        raise refused


async def find_refusal(verdict: Verdict, context: RequestContext) -> Exception | None:
    """Returns the refusal, or None, once the fact that the decision needs is known."""
    if not isinstance(verdict, FactRequest):
        return verdict
    try:
        await _decide_by_fact(verdict, context)
    except Exception as refused:  # noqa: BLE001 - it takes the place of the key
        return refused
    return None
