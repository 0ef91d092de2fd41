"""The hub that is measured answers what all other targets are held to."""

import pytest

from benchmarks.chain import InMemory as Chain
from benchmarks.chain import People, chain_document, chain_schema
from benchmarks.in_memory import Hub, blog_hub
from benchmarks.questions import Q2, Q3, Question, answer
from engine.batch import Agencies
from schema.build import graphql_schema


@pytest.mark.parametrize("question", [Q2, Q3], ids=lambda each: each.name)
@pytest.mark.parametrize("plans", [True, False], ids=["by plan", "by graphql-core"])
async def test_the_small_world_is_answered_as_every_target_must(question: Question, plans: bool) -> None:  # noqa: FBT001 - parametrised
    hub = blog_hub(100, 10, question.document, plans=plans)
    for _ in range(3):
        response = await hub.answer()
        assert (response.data, response.errors) == (answer(question), [])


async def test_a_chain_leads_from_each_level_to_the_next() -> None:
    hub = Hub(Agencies({People: Chain(2)}), graphql_schema(chain_schema()), chain_document(3))
    friends = [
        {"id": n, "name": f"Warga {n}", "friend": {"id": n + 2, "name": f"Warga {n + 2}", "friend": last}}
        for n, last in ((0, {"id": 4, "name": "Warga 4"}), (1, {"id": 5, "name": "Warga 5"}))
    ]
    for _ in range(2):
        assert (await hub.answer()).data == {"people": friends}
