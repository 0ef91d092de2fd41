"""Checks of signatures agree with joserfc's, on true signatures and on false ones of every form."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from auth.tokens.signatures import build_signature_check

RSA = RSAKey.generate_key(2048)
KEYS: Sequence[tuple[str, Any]] = (
    ("ES256", ECKey.generate_key("P-256")),
    ("ES384", ECKey.generate_key("P-384")),
    ("ES512", ECKey.generate_key("P-521")),
    ("Ed25519", OKPKey.generate_key("Ed25519")),
    ("RS256", RSA),
    ("PS512", RSA),
)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The number of points of P-256."""


def list_false_signatures(true: bytes, rng: random.Random) -> Iterator[bytes]:
    """Signatures that differ from a true one: other bits, lengths, orders and extreme numbers."""
    half = len(true) // 2
    yield from (b"", true[:-1], true[1:], true + b"\0", b"\0" + true, true * 2, true[:half])
    yield true[half:] + true[:half]
    for part in (bytes(half), bytes(half - 1) + b"\1", b"\x80" + bytes(half - 1), b"\xff" * half):
        yield from (part + true[half:], true[:half] + part, part + part)
    for _ in range(40):
        at = rng.randrange(len(true))
        yield true[:at] + bytes([true[at] ^ 1 << rng.randrange(8)]) + true[at + 1 :]
    for _ in range(20):
        yield rng.randbytes(len(true))


@pytest.mark.parametrize(("algorithm", "key"), KEYS)
def test_checks_agree_with_the_library(algorithm: str, key: Any) -> None:  # noqa: ANN401 - any key
    rng = random.Random(algorithm)  # noqa: S311 - a seeded test
    method = JWSRegistry(algorithms=[algorithm]).get_alg(algorithm)
    public = type(key).import_key(key.as_dict(private=False))
    check = build_signature_check(public, algorithm)
    for _ in range(5):
        content = rng.randbytes(rng.randrange(1, 500))
        true = method.sign(content, key)
        assert check(content, true)
        assert not check(content + b"\0", true)
        assert not check(b"", true)
        for false in list_false_signatures(true, rng):
            assert check(content, false) is method.verify(content, false, public)
            if len(false) == len(true) or key is not RSA:  # OpenSSL takes a number of PS512 without its leading zeros
                assert not check(content, false)


def test_numbers_with_leading_zeros_or_a_high_bit_are_read() -> None:
    key = ECKey.generate_key("P-256")
    method = JWSRegistry(algorithms=["ES256"]).get_alg("ES256")
    check = build_signature_check(key, "ES256")
    seen: set[tuple[int, str]] = set()
    for number in range(3000):
        content = number.to_bytes(2, "big")
        true = method.sign(content, key)
        forms = {(place, form) for place in (0, 32) for form, has in _describe(true[place : place + 32]) if has}
        if forms - seen:
            assert check(content, true)
        seen |= forms
        if len(seen) == 4:
            return
    raise AssertionError("no signature with a leading zero")


def _describe(number: bytes) -> Sequence[tuple[str, bool]]:
    return (("leading zero", number[0] == 0), ("high bit", number[0] >= 128))


def test_a_number_beyond_the_order_of_the_curve_is_refused() -> None:
    key = ECKey.generate_key("P-256")
    true = JWSRegistry(algorithms=["ES256"]).get_alg("ES256").sign(b"x", key)
    check = build_signature_check(key, "ES256")
    for place in (0, 32):
        number = int.from_bytes(true[place : place + 32], "big")
        for other in (number + ORDER, ORDER, ORDER - 1, 0, 2**256 - 1):
            if other < 2**256:
                assert not check(b"x", true[:place] + other.to_bytes(32, "big") + true[place + 32 :])
    second = ORDER - int.from_bytes(true[32:], "big")
    assert check(b"x", true[:32] + second.to_bytes(32, "big")), "ECDSA has two spellings of each signature"
