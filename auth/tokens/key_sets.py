"""Parses a JSON Web Key Set into an issuer's public keys (RFC 7517). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from auth.tokens.signatures import SignatureCheck, build_signature_check
from auth.tokens.strict_json import parse_json_object

MAX_KEY_SET_BYTES: Final = 256 * 1024
"""Bytes."""
MAX_KEYS: Final = 100
_MAX_DEPTH: Final = 5
_MAX_BRACKETS: Final = 10 * MAX_KEYS
_MAX_KID_LENGTH: Final = 200
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS: Final = range(2048, 8192 + 1)
_RSA_MODULUS_CHARACTERS: Final = range(342, 1366 + 1)
"""Base64 characters of such a modulus."""
_KEY_TYPE_BY_ALGORITHM: Final[Mapping[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "Ed25519": ("OKP", "Ed25519"),
    **{f"{family}{size}": ("RSA", None) for family in ("RS", "PS") for size in (256, 384, 512)},
}
"""Type (`kty`) and curve of the keys of each algorithm."""


class KeySetRefused(ValueError):  # noqa: N818 - names the condition
    """The set is not trustworthy, or holds no usable key. The text is for the log and holds no key."""


@dataclass(frozen=True, slots=True, eq=False)
class PublicKey:
    """A key that verifies signatures."""

    _checks: Mapping[str, SignatureCheck] = field(repr=False)
    """By algorithm."""

    def find_check(self, algorithm: str) -> SignatureCheck | None:
        """The check of signatures by this algorithm; None if the key does not fit it."""
        return self._checks.get(algorithm)


class PublicKeys:
    """Keys that verify signatures, by their `kid`."""

    def __init__(self, keys: Mapping[str | None, PublicKey]) -> None:
        """Takes the keys; at most one has no `kid`."""
        self._keys = dict(keys)

    def find(self, kid: str | None) -> PublicKey | None:
        """The key with this `kid`; without a `kid`, the only key."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        """The number of keys, never the keys."""
        return f"<PublicKeys {len(self._keys)}>"


def parse_key_set(text: bytes, algorithms: Collection[str]) -> PublicKeys:
    """The keys of a set that verify signatures of one of the algorithms.

    Keys for other uses, of other types, and too short ones are ignored (RFC 7517, section 5). Raises `KeySetRefused`
    for a set with a private or symmetric key, with two keys of the same `kid`, or without a usable key.
    """
    if len(text) > MAX_KEY_SET_BYTES:
        raise KeySetRefused(f"larger than {MAX_KEY_SET_BYTES} bytes")
    try:
        entries = parse_json_object(text, max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS).get("keys")
    except ValueError as error:
        raise KeySetRefused(str(error)) from None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise KeySetRefused("no list of keys")
    if len(entries) > MAX_KEYS:
        raise KeySetRefused(f"more than {MAX_KEYS} keys")
    found: dict[str | None, PublicKey] = {}
    for entry in entries:
        if entry.get("kty") == "oct" or not _PRIVATE_MEMBERS.isdisjoint(entry):
            raise KeySetRefused("it holds a private or symmetric key, which is no longer secret")
        key = _import_key(entry, algorithms)
        if key is None:
            continue
        kid = entry.get("kid")
        if kid in found:
            raise KeySetRefused("two keys have the same kid, or none")
        found[kid] = _build_public_key(key)
    if not found:
        raise KeySetRefused("no key that verifies signatures of an allowed algorithm")
    return PublicKeys(found)


def _build_public_key(key: Key) -> PublicKey:
    fitting = [each for each in _KEY_TYPE_BY_ALGORITHM if _can_verify(key, each)]
    return PublicKey({each: build_signature_check(key, each) for each in fitting})


def _can_verify(key: Key, algorithm: str) -> bool:
    """Whether a key fits the algorithm by its type, its curve and its `alg`, if it has one."""
    return _KEY_TYPE_BY_ALGORITHM.get(algorithm) == (key.key_type, key.get("crv")) and key.get("alg") in {
        None,
        algorithm,
    }


def _import_key(entry: Mapping[str, Any], algorithms: Collection[str]) -> Key | None:
    kid, operations = entry.get("kid"), entry.get("key_ops")
    named = kid is None or (isinstance(kid, str) and 0 < len(kid) <= _MAX_KID_LENGTH)
    if not named or entry.get("use", "sig") != "sig":
        return None
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    if entry.get("kty") == "RSA" and len(str(entry.get("n"))) not in _RSA_MODULUS_CHARACTERS:
        return None
    # The certificates of a key are not used, so invalid ones must not fail the import.
    plain = {name: value for name, value in entry.items() if not name.startswith("x5")}
    try:
        key = JWKRegistry.import_key(plain)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if _is_strong(key) and any(_can_verify(key, each) for each in algorithms) else None


def _is_strong(key: Key) -> bool:
    if isinstance(key, RSAKey):
        return key.public_key.key_size in _RSA_BITS
    return isinstance(key, ECKey) or key.key_type == "OKP"
