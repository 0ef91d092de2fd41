"""Checks signed requests as an agency does: the signature, the time in it, and numbers that may come once a day.

The table of the manifest says how requests are signed. What it does not say is the agency's own: a time may differ by
five minutes, and a `{nonce}` or `{nonce_digits}` comes once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import unhexlify
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from starlette.requests import Request

from sandbox.stand_ins.sources import find_private_key

UNAUTHORIZED, CONFLICT = 401, 409
_PART: Final = re.compile(r"\\\{([a-z0-9_]+)\\\}")
_MAX_SKEW: Final = timedelta(minutes=5)
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_TIMES: Final[Mapping[str, Callable[[str], datetime]]] = {
    "timestamp": lambda text: datetime.fromtimestamp(int(text), UTC),
    "timestamp_ms": lambda text: datetime.fromtimestamp(int(text) / 1000, UTC),
    "iso_date": datetime.fromisoformat,
    "local_date": datetime.fromisoformat,
    "http_date": parsedate_to_datetime,
}


class SignatureCheck:
    """Checks the signature of one table, and remembers the numbers of the day."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self._public_key = _load_public_key(Path(table["private_key"])) if "private_key" in table else None
        self._day = datetime.now(UTC).date()
        self._numbers: set[str] = set()

    def find_refusal(self, request: Request, body: bytes) -> int | None:
        """The HTTP status of a refusal; None for a request that is signed as the table says."""
        parts = self._read_headers(request)
        if parts is None or not self._has_signature(self._fill(request, body, parts), parts["signature"]):
            return UNAUTHORIZED
        if not all(_is_present(name, text) for name, text in parts.items() if name in _TIMES):
            return UNAUTHORIZED
        return CONFLICT if self._is_repeated(parts) else None

    def read_parts(self, request: Request) -> Mapping[str, str]:
        """The parts of a request that was let in."""
        return {**(self._read_headers(request) or {}), "key_id": self._table.get("key_id", "")}

    def _read_headers(self, request: Request) -> dict[str, str] | None:
        """The parts that the headers hold; None if one has another form."""
        parts: dict[str, str] = {}
        for name, template in self._table["headers"].items():
            pattern = _PART.sub(lambda found: f"(?P<{found[1]}>.+)", re.escape(template))
            found = re.fullmatch(pattern, request.headers.get(name, ""))
            if found is None or any(parts.setdefault(key, text) != text for key, text in found.groupdict().items()):
                return None
        return parts if parts.get("key_id", self._table.get("key_id", "")) == self._table.get("key_id", "") else None

    def _fill(self, request: Request, body: bytes, parts: Mapping[str, str]) -> bytes:
        digest = hashlib.sha256(body).digest()
        own = {
            "method": request.method,
            "host": request.headers.get("host", ""),
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "key_id": self._table.get("key_id", ""),
            "access_token": request.headers.get("authorization", "").removeprefix("Bearer "),
            "body_sha256": digest.hex(),
            "body_sha256_base64": b64encode(digest).decode(),
        }
        return re.sub(r"\{([a-z0-9_]+)\}", lambda found: {**parts, **own}[found[1]], self._table["signed"]).encode()

    def _has_signature(self, signed: bytes, given: str) -> bool:
        algorithm = self._table.get("algorithm", "sha256")
        try:
            signature = b64decode(given, validate=True) if self._table.get("encoding") == "base64" else unhexlify(given)
            if self._public_key is not None:
                self._public_key.verify(signature, signed, PKCS1v15(), _HASHES[algorithm])
                return True
        except (ValueError, InvalidSignature):
            return False
        return hmac.compare_digest(hmac.digest(self._table["secret"].encode(), signed, algorithm), signature)

    def _is_repeated(self, parts: Mapping[str, str]) -> bool:
        if (today := datetime.now(UTC).date()) != self._day:
            self._day, self._numbers = today, set()
        number = next((parts[name] for name in ("nonce", "nonce_digits") if name in parts), None)
        if number is None:
            return False
        is_known = number in self._numbers
        self._numbers.add(number)
        return is_known


def make_private_key(state: Path) -> Path:
    """The private key that the hub signs with, made once for an agency's state."""
    path = find_private_key(state)
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        made = generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with NamedTemporaryFile(dir=state, delete=False) as file:  # its mode is 600; others see the whole key or none
            file.write(made)
        Path(file.name).replace(path)
    return path


def _load_public_key(path: Path) -> RSAPublicKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError(f"{path} is not an RSA key")
    return key


def _is_present(name: str, text: str) -> bool:
    try:
        moment = _TIMES[name](text)
    except (ValueError, OverflowError):
        return False
    return moment.tzinfo is not None and abs(datetime.now(UTC) - moment) <= _MAX_SKEW
