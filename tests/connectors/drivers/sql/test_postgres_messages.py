"""PostgreSQL's message headers, followed over pieces that are cut anywhere."""

from __future__ import annotations

import pytest

from connectors.drivers.sql.postgres_messages import MessageHeaders

SOUND = b"R\0\0\0\x08\0\0\0\0" + b"1\0\0\0\x04" + b"D\0\0\x01\x04" + b"\xff" * 256 + b"Z\0\0\0\x05I"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 11, 100, len(SOUND)])
def test_valid_messages_pass_in_any_pieces(size: int) -> None:
    headers = MessageHeaders(10)
    assert all(headers.check(SOUND[at : at + size]) for at in range(0, len(SOUND), size))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 1000])
@pytest.mark.parametrize(
    "bad",
    [b"\0\xff\xff\xff\xff", b"R\xff\xff\xff\xff", b"D\x80\0\0\0", b"R\0\0\0\x03", b"S\0\0\0\0", b"\0\0\0\0\x08"],
)
def test_an_invalid_header_is_detected_at_its_last_byte(bad: bytes, size: int) -> None:
    headers, stream = MessageHeaders(10), SOUND + bad
    followed = [headers.check(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert followed == [True] * (len(followed) - 1) + [False]


@pytest.mark.parametrize("size", [1, 5, 100, 10_000])
def test_rows_are_counted_up_to_one_too_many(size: int) -> None:
    headers, stream = MessageHeaders(2), SOUND * 3 + b"\0"
    counted = []
    for at in range(0, len(stream), size):
        assert headers.check(stream[at : at + size])
        counted.append(headers.rows)
        if headers.rows > 2:
            break
    assert counted == sorted(counted)
    assert counted[-1] == 3
