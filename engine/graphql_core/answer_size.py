"""The size of an answer that graphql-core builds, counted while it reads."""

from __future__ import annotations

from engine.document.limits import ASK_FOR_LESS, Limits, TooLarge


class AnswerSize:
    """Counts the records that graphql-core loads for one answer, and stops loading at a limit.

    Nested lists multiply. Fields check `is_exceeded` before they load: an answer that is too large is dropped as a
    whole, and a refusal for each of tens of thousands of remaining edges would cost more than the answer.
    """

    def __init__(self, max_objects: int = Limits().objects) -> None:
        """Starts at zero, for one request."""
        self._max_objects = max_objects
        self._count = 0

    @property
    def is_exceeded(self) -> bool:
        """Whether the answer is too large, and will be dropped."""
        return self._count > self._max_objects

    def narrow(self, max_objects: int) -> None:
        """Lower the limit to this number, if it is higher."""
        self._max_objects = min(self._max_objects, max_objects)

    def add(self, count: int) -> None:
        """Count edges, or the records that they load; raises `TooLarge`."""
        self._count += count
        if self.is_exceeded:
            raise self.build_refusal()

    def build_refusal(self) -> TooLarge:
        """The error for the caller."""
        return TooLarge(f"The answer would hold more than {self._max_objects} objects. {ASK_FOR_LESS}")

    def __repr__(self) -> str:
        """The count and the limit."""
        return f"<AnswerSize {self._count} of {self._max_objects}>"
