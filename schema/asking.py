"""What every field of the graph can reach while one request is answered (`info.context`)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from auth.caller import Caller
from auth.node_ids import NodeIds
from auth.rules import Rule, decide
from engine import batch
from engine.batch import Agencies
from engine.errors import Forbidden
from engine.limits import AnswerSize
from records.call import Call
from records.identifiers import Nik
from resolvers.ask import Ask
from resolvers.bridge import Bridge


@dataclass(slots=True, kw_only=True)
class Asking:
    """One request being answered."""

    caller: Caller
    call: Call
    agencies: Agencies
    node_ids: NodeIds
    size: AnswerSize = field(default_factory=AnswerSize)
    """How much has been read for this request."""
    _bridge: Bridge | None = None

    def ask(self, facets: frozenset[type[Any]]) -> Ask:
        """What a batch is given for this request, when these facets are wanted."""
        return batch.Ask(caller=self.caller, call=self.call, agencies=self.agencies, facets=facets)

    @property
    def bridge(self) -> Bridge:
        """The bridge to batches for fields that run on graphql-core; made when the first of them asks for it."""
        if self._bridge is None:
            self._bridge = Bridge(self.ask)
        return self._bridge

    async def close(self) -> None:
        """Stop what still runs."""
        if self._bridge is not None:
            await self._bridge.close()

    def guard(self, rule: Rule, subjects: Collection[Nik]) -> None:
        """Let the caller pass, or raise `Forbidden` with the reason."""
        refusal = self.refusal(rule, subjects)
        if refusal is not None:
            raise refusal

    def refusal(self, rule: Rule, subjects: Collection[Nik]) -> Forbidden | None:
        """Why the caller may not pass; None where they may."""
        decision = decide(rule, self.caller, subjects)
        return None if decision.refusal is None else Forbidden(decision.refusal.value)
