"""Whole answers as bytes, which equal requests get again while all of their parts are fresh.

An answer whose parts all come from the answer cache never waits, so no later request could join its run
(`engine/sharing/single_flight.py`). Its parts would be decided, shaped and written as JSON again, which takes 80 % of a
cached Q3, and 62 % of the README's query for a citizen.

An answer with personal data is kept for one caller. Its decisions need not be made again, because their inputs are the
same: the caller, who is a part of the key, and the records. Facts such as a family card or a consent are never cached,
so no answer that depends on one is kept. What may change by itself is kept for a second. Each request has its reads
recorded.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from typing import Final

from engine.batch import NO_BATCH_CACHE, BatchCache
from engine.request import GraphQLResponse, ResponseOutcome
from records.calls.freshness import AnswerLifetime

_MAX_SECONDS: Final = 1.0
"""How long a public answer is kept, if all of its parts stay fresh for so long. At a thousand requests a second, all
but one in a thousand share the bytes."""
_MAX_PERSONAL_SECONDS: Final = 30.0
"""The same for a personal one: a person comes back after seconds."""
_MAX_BYTES: Final = 8 * 1024 * 1024
"""All answers together; beyond it, the oldest are removed."""
_BYTES_BESIDE_BODY: Final = 2_000
"""Of an answer, with its key: a flood of small answers stays within the bound, too."""
_BYTES_PER_READ: Final = 500


class _KeptAnswer:
    __slots__ = ("given", "given_until", "kept_at", "response", "until")

    def __init__(self, response: GraphQLResponse, kept_at: float, until: float) -> None:
        self.response = response
        self.kept_at = kept_at
        self.until = until
        self.given = response
        """The answer with the age that it had last ..."""
        self.given_until = kept_at
        """... and until when that age is the same in whole seconds, and the rest of its lifetime too."""


class KeptAnswers:
    """The bytes of answers, by plan and variables, and by caller if they depend on it."""

    def __init__(self, batch_cache: BatchCache) -> None:
        """Starts empty. `batch_cache` gives the clock, and knows what was invalidated."""
        self._batch_cache = batch_cache
        self.is_enabled = batch_cache is not NO_BATCH_CACHE
        """Whether any answer can be kept."""
        self._answers: dict[Hashable, _KeptAnswer] = {}
        """The oldest first."""
        self._version: Hashable = None
        """The version of cached data that all of them have."""
        self._bytes = 0
        self._renewals = 0

    def get_version(self) -> Hashable:
        """The version of cached data; None if none is cached. Changes when anything is invalidated or renewed."""
        version = self._batch_cache.get_version()
        return None if version is None else (version, self._renewals)

    def note_renewal(self) -> None:
        """Answers may be older than the cache from now on: a request for current data has renewed it."""
        self._renewals += 1

    def find(self, key: Hashable) -> GraphQLResponse | None:
        """The answer, with its age of now, if all of it is still fresh and nothing was invalidated since."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        if self._version != self.get_version():
            self._remove_all()
            return None
        response, now = kept.response, self._batch_cache.clock()
        lifetime = response.lifetime
        if lifetime is None or not kept.kept_at <= now < kept.until or not self._may_give(response):
            self._remove(key)
            return None
        if now >= kept.given_until:
            self._renew(kept, lifetime, now)
        return kept.given

    def _may_give(self, response: GraphQLResponse) -> bool:
        """Whether the process would know if other processes had invalidated a part of the answer."""
        return response.is_public or not self._batch_cache.may_miss_invalidations

    def _renew(self, kept: _KeptAnswer, lifetime: AnswerLifetime, now: float) -> None:
        """Build the answer with its age of now: requests of the same second get the same object."""
        passed, response = now - kept.kept_at, kept.response
        age, fresh = lifetime.age + passed, max(lifetime.fresh - passed, 0.0)
        kept.given = GraphQLResponse(
            outcome=response.outcome,
            reads=response.reads,
            data_classes=response.data_classes,
            is_public=response.is_public,
            lifetime=AnswerLifetime(age, fresh, lifetime.stale_while_revalidate, lifetime.stale_if_error),
            body=response.body,
        )
        kept.given_until = now + min(1.0 - age % 1.0, fresh % 1.0)

    def keep(self, key: Hashable, version: Hashable, response: GraphQLResponse, *, changes_by_itself: bool) -> None:
        """Keep an answer that began at this version; ignores what must not be given again, or is not cached.

        `changes_by_itself` as for plans (`engine/plan/plan.py`).
        """
        lifetime = response.lifetime
        if version is None or lifetime is None or response.body is None:
            return
        is_whole = response.outcome is ResponseOutcome.ANSWERED and not response.errors and not response.extensions
        # An infinite lifetime says that nothing was read; such an answer costs nothing to make again.
        if not is_whole or response.refusals or not 0.0 < lifetime.fresh < inf:
            return
        if response.is_public and response.reads:  # a fault: nothing that is public is a read of a person's data
            return
        if version != self.get_version() or not self._may_give(response):
            return
        if version != self._version:
            self._remove_all()
            self._version = version
        now, size = self._batch_cache.clock(), _get_size(response)
        seconds = _MAX_SECONDS if response.is_public or changes_by_itself else _MAX_PERSONAL_SECONDS
        self._remove(key)
        self._make_room(size, now)
        if size <= _MAX_BYTES:
            self._answers[key] = _KeptAnswer(response, now, now + min(lifetime.fresh, seconds))
            self._bytes += size

    def _make_room(self, size: int, now: float) -> None:
        """Remove the oldest answers, while they have expired or there is no room for this many bytes."""
        while self._answers:
            key, oldest = next(iter(self._answers.items()))
            if now < oldest.until and self._bytes + size <= _MAX_BYTES:
                return
            self._remove(key)

    def _remove(self, key: Hashable) -> None:
        former = self._answers.pop(key, None)
        if former is not None:
            self._bytes -= _get_size(former.response)

    def _remove_all(self) -> None:
        self._answers.clear()
        self._bytes = 0

    def __len__(self) -> int:
        """The number of answers."""
        return len(self._answers)


def _get_size(response: GraphQLResponse) -> int:
    return len(response.body or b"") + _BYTES_BESIDE_BODY + _BYTES_PER_READ * len(response.reads)
