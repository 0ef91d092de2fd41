"""`RequestHeaders` returns the same values as Starlette's headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from web.request_headers import RequestHeaders

NAMES = ["accept", "host", "x-a"]
headers = st.lists(st.tuples(st.sampled_from(NAMES).map(str.encode), st.binary(max_size=5)), max_size=5)


@given(headers, st.sampled_from([*NAMES, "Host", "other"]))
def test_lookups_return_the_same_as_starlette(raw: list[tuple[bytes, bytes]], name: str) -> None:
    fast, plain = RequestHeaders({"headers": raw}), Headers(raw=raw)
    assert fast.get(name) == plain.get(name)
    assert fast.get(name, "none") == plain.get(name, "none")
    assert fast.getlist(name) == plain.getlist(name)
    assert (name in fast) is (name in plain)


@pytest.mark.parametrize("raw", [[(b"host", b"a")], [(b"host", b"a"), (b"host", b"b")]])
def test_is_a_mapping_like_starlettes_headers(raw: list[tuple[bytes, bytes]]) -> None:
    fast = RequestHeaders({"headers": raw})
    assert fast["host"] == "a"
    assert fast.items() == Headers(raw=raw).items()
