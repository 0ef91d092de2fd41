"""Answers with public data as bytes, which equal requests get again within a second.

An answer whose parts all come from the answer cache never waits, so no later request could join its run
(`engine/sharing/single_flight.py`). Its parts would be shaped and written as JSON again, which takes 80 % of a cached
Q3. A second is enough: at a thousand requests a second, all but one in a thousand share the bytes.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from typing import Final

from engine.batch import NO_BATCH_CACHE, BatchCache
from engine.request import GraphQLResponse, ResponseOutcome
from records.calls.freshness import AnswerLifetime

_MAX_SECONDS: Final = 1.0
"""How long an answer is kept, if all of its parts stay fresh for so long."""
_MAX_BYTES: Final = 8 * 1024 * 1024
"""All answers together; beyond it, all are removed."""
_BYTES_BESIDE_BODY: Final = 2_000
"""Of an answer, with its key: a flood of small answers stays within the bound, too."""


class _KeptAnswer:
    __slots__ = ("given", "given_until", "kept_at", "response", "until", "version")

    def __init__(self, response: GraphQLResponse, kept_at: float, until: float, version: Hashable) -> None:
        self.response = response
        self.kept_at = kept_at
        self.until = until
        self.version = version
        """That of the cache, before the parts were read."""
        self.given = response
        """The answer with the age that it had last ..."""
        self.given_until = kept_at
        """... and until when that age is the same in whole seconds, and the rest of its lifetime too."""


class KeptAnswers:
    """The bytes of public answers, by plan and variables."""

    def __init__(self, batch_cache: BatchCache) -> None:
        """Starts empty. `batch_cache` gives the clock, and knows what was invalidated."""
        self._batch_cache = batch_cache
        self.is_enabled = batch_cache is not NO_BATCH_CACHE
        """Whether any answer can be kept."""
        self._answers: dict[Hashable, _KeptAnswer] = {}
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
        now, lifetime = self._batch_cache.clock(), kept.response.lifetime
        if lifetime is None or not kept.kept_at <= now < kept.until or kept.version != self.get_version():
            del self._answers[key]
            self._bytes -= _get_size(kept.response)
            return None
        if now >= kept.given_until:
            self._renew(kept, lifetime, now)
        return kept.given

    def _renew(self, kept: _KeptAnswer, lifetime: AnswerLifetime, now: float) -> None:
        """Build the answer with its age of now: requests of the same second get the same object."""
        passed, response = now - kept.kept_at, kept.response
        age, fresh = lifetime.age + passed, max(lifetime.fresh - passed, 0.0)
        kept.given = GraphQLResponse(
            outcome=response.outcome,
            data_classes=response.data_classes,
            is_public=True,
            lifetime=AnswerLifetime(age, fresh, lifetime.stale_while_revalidate, lifetime.stale_if_error),
            body=response.body,
        )
        kept.given_until = now + min(1.0 - age % 1.0, fresh % 1.0)

    def keep(self, key: Hashable, version: Hashable, response: GraphQLResponse) -> None:
        """Keep an answer that began at this version; ignores what must not be given to others, or is not cached."""
        lifetime = response.lifetime
        if version is None or lifetime is None or response.body is None or not response.is_public:
            return
        is_whole = response.outcome is ResponseOutcome.ANSWERED and not response.errors and not response.extensions
        # An infinite lifetime says that nothing was read; such an answer costs nothing to make again.
        if not is_whole or response.reads or response.refusals or not 0.0 < lifetime.fresh < inf:
            return
        former = self._answers.pop(key, None)
        self._bytes += _get_size(response) - (0 if former is None else _get_size(former.response))
        if self._bytes > _MAX_BYTES:
            self._answers.clear()
            self._bytes = _get_size(response)
            if self._bytes > _MAX_BYTES:
                self._bytes = 0
                return
        now = self._batch_cache.clock()
        self._answers[key] = _KeptAnswer(response, now, now + min(lifetime.fresh, _MAX_SECONDS), version)

    def __len__(self) -> int:
        """The number of answers."""
        return len(self._answers)


def _get_size(response: GraphQLResponse) -> int:
    return len(response.body or b"") + _BYTES_BESIDE_BODY
