"""Decisions that depend on a fact, where graphql-core runs the operation: the fact is asked for, then it is decided."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from engine.kinds import Depends, Verdict
from schema.asking import Asking


async def when_settled(depends: Depends, asking: Asking, value: Callable[[], Any]) -> Any:  # noqa: ANN401 - any value
    """The value, once the fact is known; raises the refusal."""
    await _settle(depends, asking)
    found = value()
    return await found if isawaitable(found) else found


async def _settle(depends: Depends, asking: Asking) -> None:
    """Ask for the fact; raises the refusal, or the failure in the place of the fact."""
    try:
        fact = await asking.bridge.load(depends.batch, depends.key)
    except Exception as failure:  # noqa: BLE001 - whoever decides says what a failure means
        fact = failure
    refused = depends.settle(fact)
    if refused is not None:
        raise refused


async def refusal(verdict: Verdict, asking: Asking) -> Exception | None:
    """The verdict, once the fact is known that it depends on."""
    if not isinstance(verdict, Depends):
        return verdict
    try:
        await _settle(verdict, asking)
    except Exception as refused:  # noqa: BLE001 - it stands in place of the key
        return refused
    return None
