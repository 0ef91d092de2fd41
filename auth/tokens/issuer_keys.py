"""The public keys of one issuer, kept up to date.

Keys come from a file, which is read once, or over the network, from the address in the issuer's discovery document.
They are fetched again every five minutes, and immediately when a token names an unknown key, because issuers change
keys without notice. Anybody can send tokens with invented key names, so fetches on demand are bounded: all waiting
requests share one fetch, and a fetch begins at most every ten seconds. While an issuer is unreachable, its last valid
keys are used for at most a day. A refused key set (`auth/tokens/key_sets.py`) replaces no keys.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from auth.tokens.discovery import DiscoveryRefused, build_discovery_url, parse_key_set_url
from auth.tokens.issuers import Issuer
from auth.tokens.key_sets import KeySetRefused, PublicKey, PublicKeys, parse_key_set
from records.calls.failures import AgencyFailure

MIN_REFRESH_INTERVAL: Final = 10.0
"""Minimum seconds between two fetches."""
REFRESH_INTERVAL: Final = 300.0
"""Seconds until keys are fetched again. A withdrawn key is accepted this long, and its cached tokens 60 s longer."""
RETRY_INTERVAL: Final = 30.0
"""Seconds until a failed fetch is repeated, besides fetches on demand."""
MAX_KEY_AGE: Final = 86_400.0
"""Seconds for which the last valid keys are used while their issuer is unreachable."""

_log = logging.getLogger("simpul.issuers")


class DocumentReader(Protocol):
    """Fetches documents of issuers over HTTP; the composition root provides it."""

    async def read(self, url: str) -> bytes:
        """The body of a response with status 200, within the reader's deadline and size limit.

        Follows no redirect. Raises `AgencyFailure`.
        """


class KeyState(Enum):
    """The state of an issuer's keys."""

    FRESH = "fresh"
    STALE = "kept"
    """The last valid keys: the issuer is unreachable, or its document or key set is refused."""
    MISSING = "missing"


class IssuerKeys:
    """The keys of one issuer. The first token or `refresh_periodically` fetches them."""

    def __init__(
        self,
        issuer: Issuer,
        documents: DocumentReader | None = None,
        *,
        monotonic_clock: Callable[[], float] = monotonic,
    ) -> None:
        """Reads the file of keys if the issuer's entry names one. Otherwise `documents` is required.

        Raises `ValueError` that names the file if it cannot be used.
        """
        self.issuer: Final = issuer
        self._documents = documents
        self._monotonic_clock = monotonic_clock
        self._keys: PublicKeys | None = None
        self._read_at = 0.0
        self._requested_at: float | None = None
        self._reason: str | None = None
        self._reading: asyncio.Task[None] | None = None
        if issuer.keys is not None:
            self._keys = _load_key_file(issuer, issuer.keys)
        elif documents is None:
            raise ValueError(f"The issuer '{issuer.name}' has no file of keys, and no reader to fetch them.")

    @property
    def is_remote(self) -> bool:
        """Whether the keys are fetched over the network."""
        return self.issuer.keys is None

    @property
    def state(self) -> KeyState:
        """The state of the keys, without a fetch."""
        if self._get_usable_keys() is None:
            return KeyState.MISSING
        return KeyState.FRESH if self._reason is None else KeyState.STALE

    @property
    def reason(self) -> str | None:
        """Why the last fetch failed, for the operator; None if it did not."""
        return self._reason

    def find(self, kid: str | None) -> PublicKey | None:
        """The key with this id; without an id, the only key. Fetches nothing."""
        keys = self._get_usable_keys()
        return None if keys is None else keys.find(kid)

    @property
    def can_refresh(self) -> bool:
        """Whether `refresh` would fetch, or join a running fetch."""
        if not self.is_remote:
            return False
        if self._reading is not None:
            return True
        return self._requested_at is None or self._monotonic_clock() - self._requested_at >= MIN_REFRESH_INTERVAL

    async def refresh(self) -> None:
        """Fetch the keys, unless they were fetched recently. `state` holds the outcome."""
        if self._documents is None or not self.can_refresh:
            return
        if self._reading is None:
            self._requested_at = self._monotonic_clock()
            self._reading = asyncio.get_running_loop().create_task(self._read(self._documents))
        # A cancelled request must not cancel the fetch for other requests.
        await asyncio.shield(self._reading)

    async def refresh_periodically(self) -> None:
        """Fetch now and at intervals, until cancelled."""
        while self.is_remote:
            await self.refresh()
            await asyncio.sleep(REFRESH_INTERVAL if self._reason is None else RETRY_INTERVAL)

    async def close(self) -> None:
        """Cancel a running fetch."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _get_usable_keys(self) -> PublicKeys | None:
        if self.is_remote and self._monotonic_clock() - self._read_at >= MAX_KEY_AGE:
            return None
        return self._keys

    async def _read(self, documents: DocumentReader) -> None:
        try:
            keys = await self._fetch_published(documents)
        except AgencyFailure as failure:
            self._record_failure(failure.detail or failure.code)
        except (DiscoveryRefused, KeySetRefused) as refusal:
            self._record_failure(str(refusal))
        except Exception as error:  # noqa: BLE001 - the hub's own fault must not stop the use of known keys
            self._record_failure(type(error).__qualname__)
        else:
            if self._reason is not None:
                _log.info("Issuer %s publishes its keys again.", self.issuer.name, extra={"issuer": self.issuer.name})
            self._keys, self._read_at, self._reason = keys, self._monotonic_clock(), None
        finally:
            self._reading = None

    async def _fetch_published(self, documents: DocumentReader) -> PublicKeys:
        document = await documents.read(build_discovery_url(self.issuer.url))
        address = parse_key_set_url(document, self.issuer.url)
        return parse_key_set(await documents.read(address), self.issuer.algorithms)

    def _record_failure(self, reason: str) -> None:
        if reason != self._reason:
            consequence = (
                "its last keys are used" if self._get_usable_keys() is not None else "its tokens cannot be checked"
            )
            extra = {"issuer": self.issuer.name}
            _log.warning(
                "The keys of issuer %s cannot be read (%s): %s.", self.issuer.name, reason, consequence, extra=extra
            )
        self._reason = reason

    def __repr__(self) -> str:
        """The issuer and the state of its keys."""
        return f"<IssuerKeys {self.issuer.name} {self.state.value}>"


def _load_key_file(issuer: Issuer, path: Path) -> PublicKeys:
    try:
        return parse_key_set(path.read_bytes(), issuer.algorithms)
    except OSError as error:
        why = error.strerror
    except KeySetRefused as refusal:
        why = str(refusal)
    raise ValueError(f"The file with the keys of issuer '{issuer.name}', {path}, cannot be used: {why}.")
