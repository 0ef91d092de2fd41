"""The hub's cache of agency answers: the process's own tier, and the tier that all processes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.process_invalidation import NO_PROCESS_INVALIDATION, ProcessInvalidation
from cache.answers.read_through import ReadThroughCache
from cache.redis_server import RedisServer
from engine.batch import NO_BATCH_CACHE, BatchCache
from resolvers.cached_batches import CachedBatchReader

if TYPE_CHECKING:  # a cache with Redis imports it
    from cache.answers.redis_tier import RedisTier

MAX_LIFETIME = 72 * 3600.0
"""Upper bound of any lifetime in seconds, whatever a manifest declares."""


class NoAnswerCache:
    """Caches nothing, when the cache is turned off."""

    batch_cache: BatchCache = NO_BATCH_CACHE
    readers: Sequence[CachedBatchReader] = ()
    is_shared = False
    is_cut_off = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open nothing."""
        yield


class AnswerCache:
    """Caches batch answers. Call `start` and `close` in the event loop that reads."""

    def __init__(
        self,
        *,
        max_bytes: int,
        secret: bytes,
        former_secrets: Sequence[bytes] = (),
        redis: RedisServer | None,
        timeout: float,
        run_folder: Path | None = None,
    ) -> None:
        """`former_secrets` still open answers that were sealed with them.

        Without `redis`, each process caches alone, and `run_folder` locates the hub's other processes for invalidation.
        """
        self._process_invalidation = (
            NO_PROCESS_INVALIDATION if redis is not None or run_folder is None else ProcessInvalidation(run_folder)
        )
        self._tier = None if redis is None else self._build_shared_tier(redis)
        self._cache = ReadThroughCache(
            max_bytes=max_bytes,
            key_builder=CacheKeyBuilder(secret),
            sealer=KeyRing([secret, *former_secrets], ANSWER_INFO),
            shared=self._tier,
            process_invalidation=self._process_invalidation,
        )
        self.batches = CachedBatchReader(self._cache, timeout=timeout)

    @property
    def batch_cache(self) -> BatchCache:
        """The cache that the engine reads batches through."""
        return self.batches

    @property
    def readers(self) -> Sequence[CachedBatchReader]:
        """The readers whose cached answers can be invalidated."""
        return (self.batches,)

    @property
    def is_shared(self) -> bool:
        """Whether processes share cached answers."""
        return self._tier is not None

    @property
    def is_cut_off(self) -> bool:
        """Whether the shared tier is configured but not reachable."""
        return self._tier is not None and not self._tier.is_subscribed

    @property
    def used_bytes(self) -> int:
        """Bytes of answers in this process's own tier."""
        return self._cache.tier.used_bytes

    @property
    def count(self) -> int:
        """Answers in this process's own tier."""
        return len(self._cache.tier)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the cache, and close it at the end of the block."""
        await self.start()
        try:
            yield
        finally:
            await self.close()

    async def start(self) -> None:
        """Connect to the other processes."""
        self._process_invalidation.open()
        if self._tier is not None:
            await self._tier.start()

    async def close(self) -> None:
        """Cancel running fetches and disconnect."""
        await self._cache.close()
        if self._tier is not None:
            await self._tier.close()

    def _build_shared_tier(self, redis: RedisServer) -> RedisTier:
        # A hub without Redis does not load its library; see `server.import_optional_parts`.
        from cache.answers.redis_tier import InvalidationListener, RedisTier  # noqa: PLC0415 - same

        return RedisTier(
            redis.url,
            max_lifetime=MAX_LIFETIME,
            timeout=redis.timeout,
            listener=InvalidationListener(on_invalidated=self._on_invalidation, on_unsubscribed=self._on_channel_lost),
        )

    def _on_invalidation(self, tags: Sequence[str]) -> None:
        self._cache.epochs.invalidate(tags)

    def _on_channel_lost(self) -> None:
        self._cache.epochs.invalidate_everything()

    def __repr__(self) -> str:
        """The state of both tiers."""
        return f"<AnswerCache {self._cache!r} {self._tier!r}>"
