"""How sure it is that a record of an agency is about the person whose identity number it holds."""

from __future__ import annotations

from records.description import DescribedEnum


class LinkConfidence(DescribedEnum):
    """How sure it is that a record of an agency is about the person of its identity number (NIK)."""

    CONFIRMED = "confirmed", "It agrees with the population register in name and day of birth."
    LIKELY = "likely", "It agrees in one of them, and the other is missing, not compared or differs."
    DOUBTFUL = "doubtful", "It agrees in neither, or several people have the number: it may be another person's."
