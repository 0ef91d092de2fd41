"""What the hub keeps of its agencies' answers."""

from __future__ import annotations

from resolvers.kept_answers import KeptAnswers
from settings import Settings


def kept_answers(settings: Settings) -> KeptAnswers | None:
    """What is kept; None where nothing is."""
    if not settings.kept_megabytes:
        return None
    return KeptAnswers(
        most_bytes=settings.kept_megabytes * 1024 * 1024,
        secret=settings.secret_bytes,
        former=settings.former_secrets_bytes,
        redis=settings.redis_address,
        patience=settings.agency_timeout,
        run_folder=settings.run_folder,
    )
