"""The registry of operations, stored with its history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.operations import ClientContract, OperationField, OperationMode, RegisteredOperation, VariableRange
from store.operations import operation_registry as module
from store.operations.operation_registry import OperationRegistry, RegistryRefused
from tests.fakes.clients import build_client

CONTRACT = ClientContract(
    client=build_client("kios"),
    mode=OperationMode.SAFELIST,
    scopes={"prices:read": ("Query.markets", "Market.*")},
    variables={"A": {"first": VariableRange(at_least=1, at_most=2.5), "kind": VariableRange(one_of=("x", 1))}},
    cost_a_day=1000,
)
A = RegisteredOperation(
    client=build_client("kios"),
    id="a-1",
    name="A",
    text="query A { a }",
    scopes=frozenset({"prices:read"}),
    ranges=CONTRACT.variables["A"],
    cost=12,
    reads=(OperationField(field="Query.a", data_class="public", rule="public"),),
    approved_by="letter 12",
)
B = RegisteredOperation(client=build_client("kios"), id="b-1", name="B", text="query B { b }")


@pytest.fixture
async def registry(migrated: AsyncEngine) -> OperationRegistry:
    return OperationRegistry(migrated)


async def test_published_operations_are_read_unchanged(registry: OperationRegistry) -> None:
    assert await registry.publish(CONTRACT, [B, A], by="ani") == (2, 0)
    assert await registry.list_contracts() == [CONTRACT]
    assert await registry.list_published() == [A, B]
    [entry, _] = await registry.list_entries(build_client("kios"))
    assert (entry.state, entry.published_by, entry.retired_by) == ("published", "ani", None)
    assert await registry.list_entries(build_client("lain")) == []


async def test_publishing_again_changes_the_terms_and_counts_known_operations(registry: OperationRegistry) -> None:
    await registry.publish(CONTRACT, [A], by="ani")
    cheaper = replace(A, cost=5, ranges={})
    contract = replace(CONTRACT, variables={})
    assert await registry.publish(contract, [cheaper, B], by="budi") == (1, 1)
    assert await registry.list_published() == [cheaper, B]
    assert await registry.list_contracts() == [contract]


async def test_an_id_with_another_text_is_refused_with_the_whole_publication(registry: OperationRegistry) -> None:
    await registry.publish(CONTRACT, [A], by="ani")
    await registry.retire(build_client("kios"), ["a-1"], by="ani")
    with pytest.raises(
        RegistryRefused,
        match=r"^the id 'a-1' of client 'development/kios' belongs to another text \(retired\); give",
    ):
        await registry.publish(CONTRACT, [B, replace(A, text="query A { c }")], by="ani")
    assert await registry.list_published() == []


async def test_a_retired_operation_can_be_published_again_and_both_are_recorded(
    registry: OperationRegistry, migrated: AsyncEngine
) -> None:
    await registry.publish(CONTRACT, [A, B], by="ani")
    assert await registry.retire(build_client("kios"), ["a-1", "nothing"], by="budi") == ["a-1"]
    assert await registry.retire(build_client("kios"), ["a-1"], by="budi") == []
    assert await registry.retire(build_client("lain"), ["b-1"], by="budi") == []
    assert await registry.list_published() == [B]
    assert await registry.publish(CONTRACT, [A], by="citra") == (1, 0)
    assert await registry.list_published() == [A, B]
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


async def test_operations_of_a_client_and_of_all_clients_are_limited(
    registry: OperationRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PER_CLIENT", 2)
    monkeypatch.setattr(module, "MAX_TOTAL", 3)
    await registry.publish(CONTRACT, [A, B], by="ani")
    await registry.publish(CONTRACT, [A, B], by="ani")
    with pytest.raises(
        RegistryRefused, match=r"^client 'development/kios' would have 3 published operations, at most 2"
    ):
        await registry.publish(CONTRACT, [replace(A, id="a-2")], by="ani")
    other = replace(CONTRACT, client=build_client("lain"))
    with pytest.raises(RegistryRefused, match=r"^all clients together would have 4 published operations, at most 3"):
        await registry.publish(other, [replace(each, client=build_client("lain")) for each in (A, B)], by="ani")
    assert len(await registry.list_published()) == 2
    monkeypatch.setattr(module, "MAX_CHARACTERS", 30)
    with pytest.raises(RegistryRefused, match=r"operations would hold 39 characters, at most 30: retire some first$"):
        await registry.publish(other, [replace(A, client=build_client("lain"))], by="ani")


async def test_a_follower_gets_each_change_and_survives_failures(
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
            await registry.retire(build_client("kios"), ["a-1"], by="ani")
            assert await taken.get() == ["b-1"]
    finally:
        following.cancel()
        await asyncio.wait([following])
    assert taken.empty()
