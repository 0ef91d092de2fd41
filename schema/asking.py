"""What every field of the graph can reach while one request is answered (`info.context`)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from auth.caller import Caller
from auth.node_ids import NodeIds
from auth.rules import Rule, decide
from engine.errors import Forbidden
from engine.limits import AnswerSize
from records.identifiers import Nik
from resolvers.bridge import Bridge


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request being answered."""

    caller: Caller
    bridge: Bridge
    node_ids: NodeIds
    size: AnswerSize = field(default_factory=AnswerSize)
    """How much has been read for this request."""

    def guard(self, rule: Rule, subjects: Collection[Nik]) -> None:
        """Let the caller pass, or raise `Forbidden` with the reason."""
        decision = decide(rule, self.caller, subjects)
        if decision.refusal is not None:
            raise Forbidden(decision.refusal.value)
