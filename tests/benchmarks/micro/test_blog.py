"""The measured hub gives the answers that every target must give."""

import pytest

from benchmarks.comparison.questions import Q2, Q3, BenchmarkQuestion, build_expected_answer
from benchmarks.micro.chain import ChainInMemory as Chain
from benchmarks.micro.chain import ChainPeople, build_chain_document, build_chain_schema
from benchmarks.micro.in_memory import InMemoryHub, build_blog_hub
from engine.agencies.bindings import Agencies
from schema.builder import get_graphql_schema


@pytest.mark.parametrize("question", [Q2, Q3], ids=lambda each: each.name)
@pytest.mark.parametrize("plans", [True, False], ids=["by plan", "by graphql-core"])
async def test_the_sample_graph_gives_the_expected_answers(question: BenchmarkQuestion, plans: bool) -> None:  # noqa: FBT001 - parametrised
    hub = build_blog_hub(100, 10, question.document, plans=plans)
    for _ in range(3):
        response = await hub.answer()
        assert (response.data, response.errors) == (build_expected_answer(question), [])


async def test_each_level_of_a_chain_leads_to_the_next() -> None:
    hub = InMemoryHub(
        Agencies({ChainPeople: Chain(2)}), get_graphql_schema(build_chain_schema()), build_chain_document(3)
    )
    friends = [
        {"id": n, "name": f"Warga {n}", "friend": {"id": n + 2, "name": f"Warga {n + 2}", "friend": last}}
        for n, last in ((0, {"id": 4, "name": "Warga 4"}), (1, {"id": 5, "name": "Warga 5"}))
    ]
    for _ in range(2):
        assert (await hub.answer()).data == {"people": friends}
