"""The registry of operations, kept with its history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from records.operations import ClientContract, OperationMode, OperationReading, RegisteredOperation, VariableRange
from store import operations as module
from store.operations import OperationRegistry, RegistryRefused
from tests.clients import client_named

CONTRACT = ClientContract(
    client=client_named("kios"),
    mode=OperationMode.SAFELIST,
    scopes={"prices:read": ("Query.markets", "Market.*")},
    variables={"A": {"first": VariableRange(at_least=1, at_most=2.5), "kind": VariableRange(one_of=("x", 1))}},
    cost_a_day=1000,
)
A = RegisteredOperation(
    client=client_named("kios"),
    id="a-1",
    name="A",
    text="query A { a }",
    scopes=frozenset({"prices:read"}),
    ranges=CONTRACT.variables["A"],
    cost=12,
    reads=(OperationReading(field="Query.a", data_class="public", rule="public"),),
    approved_by="letter 12",
)
B = RegisteredOperation(client=client_named("kios"), id="b-1", name="B", text="query B { b }")


@pytest.fixture
async def registry(migrated: AsyncEngine) -> OperationRegistry:
    return OperationRegistry(migrated)


async def test_what_is_published_is_read_as_it_was_written(registry: OperationRegistry) -> None:
    assert await registry.publish(CONTRACT, [B, A], by="ani") == (2, 0)
    assert await registry.contracts() == [CONTRACT]
    assert await registry.published() == [A, B]
    [entry, _] = await registry.entries(client_named("kios"))
    assert (entry.state, entry.published_by, entry.retired_by) == ("published", "ani", None)
    assert await registry.entries(client_named("lain")) == []


async def test_publishing_again_changes_the_terms_and_counts_what_was_known(registry: OperationRegistry) -> None:
    await registry.publish(CONTRACT, [A], by="ani")
    cheaper = replace(A, cost=5, ranges={})
    contract = replace(CONTRACT, variables={})
    assert await registry.publish(contract, [cheaper, B], by="budi") == (1, 1)
    assert await registry.published() == [cheaper, B]
    assert await registry.contracts() == [contract]


async def test_an_id_never_changes_its_text_and_nothing_of_the_rest_is_published(registry: OperationRegistry) -> None:
    await registry.publish(CONTRACT, [A], by="ani")
    await registry.retire(client_named("kios"), ["a-1"], by="ani")
    with pytest.raises(
        RegistryRefused,
        match=r"^the id 'a-1' of client 'development/kios' stands for another text \(retired\); give",
    ):
        await registry.publish(CONTRACT, [B, replace(A, text="query A { c }")], by="ani")
    assert await registry.published() == []


async def test_what_is_retired_can_be_published_again_and_both_are_remembered(
    registry: OperationRegistry, migrated: AsyncEngine
) -> None:
    await registry.publish(CONTRACT, [A, B], by="ani")
    assert await registry.retire(client_named("kios"), ["a-1", "nothing"], by="budi") == ["a-1"]
    assert await registry.retire(client_named("kios"), ["a-1"], by="budi") == []
    assert await registry.retire(client_named("lain"), ["b-1"], by="budi") == []
    assert await registry.published() == [B]
    assert await registry.publish(CONTRACT, [A], by="citra") == (1, 0)
    assert await registry.published() == [A, B]
    wanted = text("SELECT change, document_id, changed_by FROM operation_changes ORDER BY id")
    async with migrated.connect() as connection:
        rows = [tuple(row) for row in await connection.execute(wanted)]
    assert rows == [
        ("contract", None, "ani"),
        ("published", "a-1", "ani"),
        ("published", "b-1", "ani"),
        ("retired", "a-1", "budi"),
        ("published", "a-1", "citra"),
    ]


async def test_a_client_and_all_together_have_room_for_so_many(
    registry: OperationRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OF_A_CLIENT", 2)
    monkeypatch.setattr(module, "MOST_OF_ALL", 3)
    await registry.publish(CONTRACT, [A, B], by="ani")
    await registry.publish(CONTRACT, [A, B], by="ani")
    with pytest.raises(
        RegistryRefused, match=r"^client 'development/kios' would have 3 published operations, at most 2"
    ):
        await registry.publish(CONTRACT, [replace(A, id="a-2")], by="ani")
    other = replace(CONTRACT, client=client_named("lain"))
    with pytest.raises(RegistryRefused, match=r"^all clients together would have 4 published operations, at most 3"):
        await registry.publish(other, [replace(each, client=client_named("lain")) for each in (A, B)], by="ani")
    assert len(await registry.published()) == 2
    monkeypatch.setattr(module, "MOST_CHARACTERS", 30)
    with pytest.raises(RegistryRefused, match=r"operations would hold 39 characters, at most 30: retire some first$"):
        await registry.publish(other, [replace(A, client=client_named("lain"))], by="ani")


async def test_whoever_follows_is_told_of_each_change_and_outlives_what_fails(
    registry: OperationRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    taken: asyncio.Queue[list[str]] = asyncio.Queue()
    failing = [True]

    async def take(_: Sequence[ClientContract], operations: Sequence[RegisteredOperation]) -> None:
        if failing:
            failing.pop()
            raise RuntimeError("once")
        await taken.put([each.id for each in operations])

    following = asyncio.create_task(registry.follow(take))
    try:
        async with asyncio.timeout(10):
            assert await taken.get() == []
            await registry.publish(CONTRACT, [A, B], by="ani")
            assert await taken.get() == ["a-1", "b-1"]
            await registry.retire(client_named("kios"), ["a-1"], by="ani")
            assert await taken.get() == ["b-1"]
    finally:
        following.cancel()
        await asyncio.wait([following])
    assert taken.empty()
