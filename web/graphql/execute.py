"""Runs one GraphQL request for a caller: the engine, as HTTP sees it."""

from __future__ import annotations

from typing import Protocol

from auth.caller import Caller
from engine.cost_budgets import CostBudget
from engine.request import GraphQLRequest, GraphQLResponse
from records.calls.call import Call


class Execute(Protocol):
    """Runs one request; the engine, wired by the composition root."""

    async def __call__(
        self, request: GraphQLRequest, caller: Caller, call: Call, budget: CostBudget, /
    ) -> GraphQLResponse:
        """The response, paid for by the budget. Agency failures and refusals are in it.

        An exception is a fault of the hub, or what the budget raised.
        """
