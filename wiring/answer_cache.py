"""What the hub keeps of its agencies' answers."""

from __future__ import annotations

from resolvers.answer_cache import AnswerCache
from settings import Settings


def build_answer_cache(settings: Settings) -> AnswerCache | None:
    """What is kept; None where nothing is."""
    if not settings.cache_megabytes:
        return None
    return AnswerCache(
        max_bytes=settings.cache_megabytes * 1024 * 1024,
        secret=settings.secret_bytes,
        former_secrets=settings.former_secrets_bytes,
        redis=settings.redis_address,
        timeout=settings.agency_timeout,
        run_folder=settings.run_folder,
    )
