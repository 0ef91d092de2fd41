"""The size of an answer that graphql-core builds, counted while it reads."""

from __future__ import annotations

from engine.document.limits import ASK_FOR_LESS, Limits, TooLarge


class AnswerSize:
    """Counts what graphql-core reads for one answer, and stops the operation from reading on where it is too much.

    Lists inside lists multiply. Whoever follows an edge looks at `is_exceeded` first: an answer that is too large is
    given up as a whole, and tens of thousands of refusals, one for each edge left, would cost more than the answer.
    """

    def __init__(self, max_objects: int = Limits().objects) -> None:
        """Belong to one request."""
        self._most = max_objects
        self._count = 0

    @property
    def is_exceeded(self) -> bool:
        """Whether the answer is too large and will be given up."""
        return self._count > self._most

    def narrow(self, max_objects: int) -> None:
        """Allow no more than this, where that is less."""
        self._most = min(self._most, max_objects)

    def add(self, count: int) -> None:
        """Count edges that are followed, or records that they led to; raises `TooLarge`."""
        self._count += count
        if self.is_exceeded:
            raise self.build_refusal()

    def build_refusal(self) -> TooLarge:
        """What the caller is told."""
        return TooLarge(f"The answer would hold more than {self._most} objects. {ASK_FOR_LESS}")

    def __repr__(self) -> str:
        """How far it came."""
        return f"<AnswerSize {self._count} of {self._most}>"
