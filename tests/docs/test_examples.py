"""The hub answers every example of the documentation as shown."""

import pytest

from tests.docs.pages import DocExample, find_examples
from tests.journeys.hub import HubClient, RunningCity

EXAMPLES = find_examples()


def test_there_are_examples_of_every_kind_of_caller() -> None:
    assert {example.caller for example in EXAMPLES} >= {None, "siti", "budi", "official"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_an_example_has_the_answer_on_the_page(example: DocExample, hub: HubClient, city: RunningCity) -> None:
    if example.stopped_agency is None:
        answer = await hub.ask(example.query, example.variables, caller=example.caller)
    else:
        agency = city.agencies[example.stopped_agency]
        agency.stop()
        try:
            answer = await hub.ask(example.query, example.variables, caller=example.caller)
        finally:
            agency.restart()
    assert answer.body == example.answer


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.stopped_agency is None], ids=lambda each: each.name
)
async def test_a_repeated_example_has_the_same_answer(example: DocExample, hub: HubClient) -> None:
    await hub.ask(example.query, example.variables, caller=example.caller)
    answer = await hub.ask(example.query, example.variables, caller=example.caller)
    assert answer.body == example.answer
