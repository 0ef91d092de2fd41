"""How large an answer is once it is written out: shared objects count wherever they stand."""

import time

from engine.plan.size import objects_in


def test_objects_are_counted_and_nothing_else() -> None:
    assert objects_in({"a": 1, "b": [1, "x", None], "c": None}) == 1
    assert objects_in({"a": {"b": {}}, "c": [{}, {"d": [[{}], []]}]}) == 6
    assert objects_in([]) == 0
    assert objects_in(None) == 0


def test_a_shared_object_counts_wherever_it_stands() -> None:
    shared: dict[str, object] = {"inner": {}}
    assert objects_in({"a": shared, "b": [shared, shared]}) == 7


def test_counting_takes_as_long_as_there_are_objects_and_not_as_they_are_written() -> None:
    answer: dict[str, object] = {}
    for _ in range(60):
        answer = {"children": [answer] * 20}
    started = time.process_time()
    assert objects_in(answer) == sum(20**level for level in range(61))
    assert time.process_time() - started < 0.5
