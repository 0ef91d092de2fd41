"""What the hub keeps of its agencies' answers, put together: the process's own tier, and what all processes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from auth.sealed_answers import SealedAnswers
from cache.names import KeyedNames
from cache.neighbours import Neighbours
from cache.read_through import ReadThrough
from cache.redis_tier import RedisTier
from records.freshness import hours
from resolvers.keeping import KeptBatches

LONGEST = hours(72)
"""Nothing is kept longer, whatever a batch says."""


class KeptAnswers:
    """Reads batches through what is kept; `start` and `close` it in the event loop that reads."""

    def __init__(
        self,
        *,
        most_bytes: int,
        secret: bytes,
        former: Sequence[bytes] = (),
        redis: str | None,
        patience: float,
        run_folder: Path | None = None,
    ) -> None:
        """`former` secrets still open what was sealed with them.

        Without `redis`, each process keeps its own; the others of the hub are found by the `run_folder`.
        """
        self._neighbours = None if redis is not None or run_folder is None else Neighbours(run_folder)
        self._tier = None if redis is None else RedisTier(redis, longest=LONGEST, heard=self._heard, lost=self._lost)
        self._through = ReadThrough(
            most_bytes=most_bytes,
            names=KeyedNames(secret),
            seals=SealedAnswers([secret, *former]),
            shared=self._tier,
            neighbours=self._neighbours,
        )
        self.batches = KeptBatches(self._through, patience=patience)

    @property
    def is_shared(self) -> bool:
        """Whether processes are meant to keep answers together."""
        return self._tier is not None

    @property
    def alone(self) -> bool:
        """Whether the process keeps its answers alone, though it is not meant to."""
        return self._tier is not None and not self._tier.following

    @property
    def used(self) -> int:
        """Bytes that this process's own answers take."""
        return self._through.tier.used

    @property
    def count(self) -> int:
        """How many answers this process keeps."""
        return len(self._through.tier)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep answers for the length of the block."""
        await self.start()
        try:
            yield
        finally:
            await self.close()

    async def start(self) -> None:
        """Find the other processes."""
        if self._neighbours is not None:
            self._neighbours.open()
        if self._tier is not None:
            await self._tier.start()

    async def close(self) -> None:
        """Stop what is under way."""
        await self._through.close()
        if self._tier is not None:
            await self._tier.close()

    def _heard(self, tags: Sequence[str]) -> None:
        self._through.fences.invalidate(tags)

    def _lost(self) -> None:
        self._through.fences.invalidate_everything()

    def __repr__(self) -> str:
        """What is kept, and with whom."""
        return f"<KeptAnswers {self._through!r} {self._tier!r}>"
