"""Runs one GraphQL request for a caller: the engine, as HTTP sees it."""

from __future__ import annotations

from typing import Protocol

from auth.caller import Caller
from engine.cost_budgets import CostBudget
from engine.request import GraphQLRequest, GraphQLResponse
from records.calls.call import Call


class Execute(Protocol):
    """Runs one request; the composition root provides the engine behind it."""

    async def __call__(
        self, request: GraphQLRequest, caller: Caller, call: Call, budget: CostBudget, /
    ) -> GraphQLResponse:
        """The response, paid by the budget. It contains agency failures and refusals.

        An exception is a fault of the hub, or comes from the budget.
        """
