"""The hub's private key at an agency, with which it signs (RSASSA-PKCS1-v1_5, RFC 8017)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.drivers.http.credentials.client_certificate import UnusableCertificate, require_private
from records.config_file import read_bounded

_HASHES: Final = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_MIN_BITS: Final = 2048


class RsaKey:
    """A private key. Its `repr` shows nothing of it."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    def sign(self, signed: bytes, algorithm: str) -> bytes:
        """The signature of a text. Raises `KeyError` for a hash that is not safe."""
        return self._key.sign(signed, PKCS1v15(), _HASHES[algorithm])


def load_rsa_key(path: Path) -> RsaKey:
    """Load an unencrypted key in PEM. Raises `UnusableCertificate`."""
    try:
        require_private(path)
        key = load_pem_private_key(read_bounded(path), password=None)
    except UnusableCertificate:
        raise
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problem = "the file holds no unencrypted private key in PEM"
    else:
        if isinstance(key, RSAPrivateKey) and key.key_size >= _MIN_BITS:
            return RsaKey(key)
        problem = f"it is not an RSA key of at least {_MIN_BITS} bits"
    raise UnusableCertificate("key", problem)
