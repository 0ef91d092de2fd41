"""The size of an answer as JSON: shared objects count at every place."""

import time

from engine.plan.response_size import ResponseSize, measure_response


def test_only_objects_and_their_members_are_counted() -> None:
    assert measure_response({"a": 1, "b": [1, "x", None], "c": None}) == ResponseSize(objects=1, values=3)
    assert measure_response({"a": {"b": {}}, "c": [{}, {"d": [[{}], []]}]}) == ResponseSize(objects=6, values=4)
    assert measure_response([]) == ResponseSize(0, 0)
    assert measure_response(None) == ResponseSize(0, 0)


def test_a_shared_object_counts_at_every_place() -> None:
    shared: dict[str, object] = {"inner": {}}
    assert measure_response({"a": shared, "b": [shared, shared]}) == ResponseSize(objects=7, values=5)


def test_counting_visits_each_shared_object_once() -> None:
    answer: dict[str, object] = {}
    for _ in range(60):
        answer = {"children": [answer] * 20}
    started = time.process_time()
    assert measure_response(answer).objects == sum(20**level for level in range(61))
    assert time.process_time() - started < 5
