"""Compares an agency of stage `shadow` with the one that answers today. No caller sees its answers.

Only names of fields are counted, never a value. Callers do not wait for a shadow: it is asked after the answer, with a
separate deadline, and is left out while too many comparisons are under way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from time import monotonic
from typing import Any, Final

from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.record import FILLED_BY_HUB

_MAX_UNDER_WAY: Final = 4
"""Comparisons of one shadow under way."""
SAME, DIFFERENT, FAILED, SKIPPED = "same", "different", "failed", "skipped"

ReadMany = Callable[..., Awaitable[Mapping[Any, Any]]]


@dataclass(slots=True)
class ShadowCounts:
    """What was compared of one shadow since the process started."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Keys by read and outcome: `same`, `different`, `failed` or `skipped`."""
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Differences by read and field; `(number)` for another number of records."""


class ShadowedConnector:
    """Answers a domain from one connector, and compares each answer with that of a shadow."""

    def __init__(
        self,
        connector: Any,  # noqa: ANN401 - any connector of the domain
        shadow: Any,  # noqa: ANN401 - the same
        *,
        reads: Sequence[str],
        deadline: float,
        counts: ShadowCounts,
    ) -> None:
        """`deadline` is in seconds, for one read of the shadow."""
        self._shadow = shadow
        self._deadline = deadline
        self._counts = counts
        self._under_way: set[asyncio.Task[None]] = set()
        self.probe = connector.probe
        self.__dict__.update({name: self._build_read(name, getattr(connector, name)) for name in reads})

    def _build_read(self, name: str, read: ReadMany) -> ReadMany:
        async def compared(keys: Sequence[Any], *more: Any) -> Mapping[Any, Any]:  # noqa: ANN401 - facets, and the call
            answers = await read(keys, *more)
            if len(self._under_way) >= _MAX_UNDER_WAY:
                self._counts.answers[name, SKIPPED] += len(keys)
            else:
                task = asyncio.create_task(self._compare(name, keys, more, answers))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            return answers

        return compared

    async def _compare(self, name: str, keys: Sequence[Any], more: Sequence[Any], answers: Mapping[Any, Any]) -> None:
        call: Call = more[-1]
        own = Call(deadline=monotonic() + self._deadline, request_id=call.request_id)
        counts = self._counts
        try:
            found = await getattr(self._shadow, name)(keys, *more[:-1], own)
        except Exception:  # noqa: BLE001 - a shadow may do anything, and must not disturb; its failures are counted
            counts.answers[name, FAILED] += len(keys)
            return
        for key in keys:
            live, shadow = answers.get(key), found.get(key)
            if isinstance(live, AgencyFailure):
                counts.answers[name, SKIPPED] += 1
            elif isinstance(shadow, AgencyFailure):
                counts.answers[name, FAILED] += 1
            else:
                different = set(_find_differences(live or None, shadow or None))
                counts.answers[name, DIFFERENT if different else SAME] += 1
                counts.fields.update((name, each) for each in different)

    async def close(self) -> None:
        """End the comparisons under way."""
        for each in self._under_way:
            each.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)


def _find_differences(live: object, shadow: object, name: str = "(record)") -> Iterator[str]:
    """The names of the fields that differ."""
    if is_dataclass(live) and type(live) is type(shadow):
        for each in fields(live):
            if each.name not in FILLED_BY_HUB:
                yield from _find_differences(getattr(live, each.name), getattr(shadow, each.name), each.name)
    elif isinstance(live, list | tuple) and isinstance(shadow, list | tuple):
        if len(live) != len(shadow):
            yield "(number)" if name == "(record)" else name
        for one, other in zip(live, shadow, strict=False):
            yield from _find_differences(one, other, name)
    elif isinstance(live, Mapping) and isinstance(shadow, Mapping):
        for part in live.keys() | shadow.keys():
            yield from _find_differences(live.get(part), shadow.get(part), getattr(part, "__name__", name))
    elif live != shadow:
        yield name
