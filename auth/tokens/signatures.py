"""Checks of signatures (RFC 7515), each for one key and one algorithm.

A check is built once for each key. joserfc looks up the algorithm, the size of the curve and the allowed uses of the
key for each signature, and reads its two numbers through texts: 6 of the 80 µs of ES256.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry

SignatureCheck = Callable[[bytes, bytes], bool]
"""Whether a signature, the second argument, is one of the bytes. Other errors than a wrong signature are raised."""
_HASH_BY_ALGORITHM: Final[Mapping[str, type[HashAlgorithm]]] = {"ES256": SHA256, "ES384": SHA384, "ES512": SHA512}


def build_signature_check(key: Key, algorithm: str) -> SignatureCheck:
    """The check of an algorithm that fits the key."""
    if isinstance(key, ECKey):
        return _build_ecdsa_check(key, _HASH_BY_ALGORITHM[algorithm]())
    method = JWSRegistry(algorithms=[algorithm]).get_alg(algorithm)
    return lambda signed_part, signature: method.verify(signed_part, signature, key)


def _build_ecdsa_check(key: ECKey, digest: HashAlgorithm) -> SignatureCheck:
    """The check of a signature that is two numbers of the curve's size (RFC 7518, section 3.4)."""
    size = (key.curve_key_size + 7) // 8
    verify = key.public_key.verify
    algorithm = ECDSA(digest)

    def check(signed_part: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * size:
            return False
        first, second = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        try:
            verify(encode_dss_signature(first, second), signed_part, algorithm)
        except InvalidSignature:
            return False
        return True

    return check
