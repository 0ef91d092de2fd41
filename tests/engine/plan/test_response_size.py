"""How large an answer is once it is written out: shared objects count wherever they stand."""

import time

from engine.plan.response_size import ResponseSize, measure_response


def test_objects_and_their_members_are_counted_and_nothing_else() -> None:
    assert measure_response({"a": 1, "b": [1, "x", None], "c": None}) == ResponseSize(objects=1, values=3)
    assert measure_response({"a": {"b": {}}, "c": [{}, {"d": [[{}], []]}]}) == ResponseSize(objects=6, values=4)
    assert measure_response([]) == ResponseSize(0, 0)
    assert measure_response(None) == ResponseSize(0, 0)


def test_a_shared_object_counts_wherever_it_stands() -> None:
    shared: dict[str, object] = {"inner": {}}
    assert measure_response({"a": shared, "b": [shared, shared]}) == ResponseSize(objects=7, values=5)


def test_counting_takes_as_long_as_there_are_objects_and_not_as_they_are_written() -> None:
    answer: dict[str, object] = {}
    for _ in range(60):
        answer = {"children": [answer] * 20}
    started = time.process_time()
    assert measure_response(answer).objects == sum(20**level for level in range(61))
    assert time.process_time() - started < 5
