"""How large an answer is once it is written out: shared objects count wherever they stand."""

import time

from engine.plan.size import Size, written_out


def test_objects_and_their_members_are_counted_and_nothing_else() -> None:
    assert written_out({"a": 1, "b": [1, "x", None], "c": None}) == Size(objects=1, values=3)
    assert written_out({"a": {"b": {}}, "c": [{}, {"d": [[{}], []]}]}) == Size(objects=6, values=4)
    assert written_out([]) == Size(0, 0)
    assert written_out(None) == Size(0, 0)


def test_a_shared_object_counts_wherever_it_stands() -> None:
    shared: dict[str, object] = {"inner": {}}
    assert written_out({"a": shared, "b": [shared, shared]}) == Size(objects=7, values=5)


def test_counting_takes_as_long_as_there_are_objects_and_not_as_they_are_written() -> None:
    answer: dict[str, object] = {}
    for _ in range(60):
        answer = {"children": [answer] * 20}
    started = time.process_time()
    assert written_out(answer).objects == sum(20**level for level in range(61))
    assert time.process_time() - started < 5
