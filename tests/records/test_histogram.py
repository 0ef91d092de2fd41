"""Counting values in buckets."""

from __future__ import annotations

from records.histogram import Histogram


def test_a_value_counts_in_the_first_bucket_whose_bound_it_does_not_exceed() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.add(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == 7.5
    assert histogram.count == 5
    assert repr(histogram) == "<Histogram n=5 total=7.5>"


def test_two_histograms_count_separately() -> None:
    one, other = Histogram(), Histogram()
    one.add(0.1)
    assert (one.count, other.count) == (1, 0)


def test_several_values_count_as_one_by_one() -> None:
    values = (0.5, 1.0, 1.5, 2.0, 2.5)
    together, one_by_one = Histogram((1.0, 2.0)), Histogram((1.0, 2.0))
    together.add_all(values)
    for value in values:
        one_by_one.add(value)
    assert (together.counts, together.total) == (one_by_one.counts, one_by_one.total)
