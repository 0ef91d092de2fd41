"""What every field of the graph can reach while one request is answered (`info.context`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from time import time
from typing import Any

from auth.caller import Caller
from auth.children import today_here
from auth.node_ids import NodeIds
from auth.policy import DEFAULT_POLICY, Policy
from auth.rules import NOTHING_SAID, Access, Refusal, decide, never, person_of
from engine import batch
from engine.batch import Agencies
from engine.errors import Forbidden
from engine.limits import AnswerSize
from engine.old_places import OldPlace
from records.call import Call
from records.identifiers import Nik
from records.wishes import Wishes
from resolvers.ask import Ask
from resolvers.bridge import Bridge


@dataclass(slots=True, kw_only=True)
class Asking:
    """One request being answered."""

    caller: Caller
    call: Call
    agencies: Agencies
    node_ids: NodeIds
    policy: Policy = DEFAULT_POLICY
    keeping: batch.Keeping | None = None
    """Who keeps answers; without it each request asks for all of its own."""
    size: AnswerSize = field(default_factory=AnswerSize)
    """How much has been read for this request."""
    wishes: dict[Nik, Wishes] = field(default_factory=dict)
    """What people said about the use of their data, as far as it was asked for this request."""
    clock: Callable[[], float] = time
    """Seconds since 1970, by which a sign-in is recent."""
    old_places: list[OldPlace] = field(default_factory=list)
    """What fields that run on graphql-core put in the answer that is no longer fresh."""
    _bridge: Bridge | None = None

    def ask(self, facets: frozenset[type[Any]]) -> Ask:
        """What a batch is given for this request, when these facets are wanted."""
        return batch.Ask(
            caller=self.caller, call=self.call, agencies=self.agencies, facets=facets, keeping=self.keeping
        )

    @property
    def bridge(self) -> Bridge:
        """The bridge to batches for fields that run on graphql-core; made when the first of them asks for it."""
        if self._bridge is None:
            self._bridge = Bridge(self.ask)
        return self._bridge

    @property
    def reader(self) -> Nik | None:
        """The person who asks, or for whom an assistant does: what is about them as well was read as their own."""
        return person_of(self.caller)

    @property
    def today(self) -> date:
        """The day by which somebody is a child or of age, in the city's own time."""
        return today_here()

    async def close(self) -> None:
        """Stop what still runs."""
        if self._bridge is not None:
            await self._bridge.close()

    def allows(self, access: Access, subjects: Collection[Nik]) -> bool:
        """Whether the caller may pass."""
        return decide(access, self.caller, subjects, policy=self.policy, now=self._now(access)).allowed

    def refusal(
        self,
        access: Access,
        subjects: Collection[Nik],
        *,
        wards: Collection[Nik] = (),
        nib: str | None = None,
        agency: str | None = None,
        wishes: Wishes = NOTHING_SAID,
        of_child: bool = False,
    ) -> Forbidden | None:
        """Why the caller may not pass; None where they may."""
        decision = decide(
            access,
            self.caller,
            subjects,
            policy=self.policy,
            wards=wards,
            nib=nib,
            agency=agency,
            wishes=wishes,
            of_child=of_child,
            now=self._now(access),
        )
        return None if decision.refusal is None else _forbidden(decision.refusal)

    def never(self, access: Access) -> Forbidden | None:
        """Why the caller may pass for no record at all; None where there may be one."""
        refusal = never(access, self.caller, policy=self.policy, now=self._now(access))
        return None if refusal is None else _forbidden(refusal)

    def _now(self, access: Access) -> float | None:
        """The time, where the decision takes it."""
        return self.clock() if access.recent_sign_in else None


def _forbidden(refusal: Refusal) -> Forbidden:
    return Forbidden(refusal.value, refusal.name)
