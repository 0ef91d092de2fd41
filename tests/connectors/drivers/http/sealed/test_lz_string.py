"""LZ-string texts: vectors of the original in JavaScript, and a length that no text exceeds."""

from __future__ import annotations

from random import Random

import pytest

from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.sealed.lz_string import decompress_pieces
from tests.connectors.drivers.http.sealed.lz_vectors import VECTORS


def decompress(text: str, max_length: int = 10_000) -> str:
    return "".join(decompress_pieces(text, max_length)).encode("utf-16-le", "surrogatepass").decode("utf-16-le")


@pytest.mark.parametrize("text", VECTORS, ids=lambda each: each[:10] or "empty")
def test_a_text_of_the_original_is_read(text: str) -> None:
    assert decompress(VECTORS[text]) == text


def test_a_plus_sign_that_passed_a_form_is_read() -> None:
    assert decompress(VECTORS["ab" * 40].replace("+", " ")) == "ab" * 40


@pytest.mark.parametrize("length", range(len(VECTORS["ab" * 40])))
def test_a_text_that_breaks_off_is_no_text(length: int) -> None:
    with pytest.raises(UnparsableBody):
        decompress(VECTORS["ab" * 40][:length])


@pytest.mark.parametrize("text", ["é", "IZ.", "////", "zzzzzzzz"])
def test_another_text_is_no_compressed_one(text: str) -> None:
    with pytest.raises(UnparsableBody, match="not compressed, or breaks off"):
        decompress(text)


def test_a_text_is_read_up_to_its_maximum_length() -> None:
    assert decompress(VECTORS["a" * 30], 30) == "a" * 30
    with pytest.raises(UnparsableBody, match="of more than 29 characters"):
        decompress(VECTORS["a" * 30], 29)


def build_bomb(codes: int) -> str:
    """Codes that each stand for the last text and one sign more: `codes` squared signs in all."""
    bits = "00" + f"{ord('a'):08b}"[::-1]
    width, left, code = 3, 4, 4
    for _ in range(codes):
        bits += f"{code:0{width}b}"[::-1]
        code, left = code + 1, left - 1
        if not left:
            left, width = 1 << width, width + 1
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
    bits += "0" * (-len(bits) % 6)
    return "".join(signs[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def test_a_bomb_is_left_before_it_fills_the_memory() -> None:
    bomb = build_bomb(20_000)
    assert len(bomb) < 50_000  # for 200 million signs
    found: list[str] = []
    with pytest.raises(UnparsableBody, match="of more than 1000000 characters"):
        found.extend(decompress_pieces(bomb, 1_000_000))
    assert sum(map(len, found)) <= 1_000_000


def test_random_bytes_end_as_a_text_or_an_error() -> None:
    random = Random(1)  # noqa: S311 - the same texts each time
    for _ in range(300):
        text = "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$", k=60))
        try:
            found = "".join(decompress_pieces(text, 500))
        except UnparsableBody:
            continue
        assert len(found) <= 500
