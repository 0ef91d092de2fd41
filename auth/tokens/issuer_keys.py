"""The keys of one issuer, kept up to date.

Keys come from a file that is read once, or over the network: from where the issuer's discovery document says, anew
every five minutes, and at once when a token names a key that is not known, since issuers change keys without notice.
Tokens are made up freely by anybody, so the second way is bounded: everybody who waits shares one reading, and one
begins at most every ten seconds, however many names of keys are made up. While an issuer cannot be reached, its last
good keys count, for a day at most; a set that is refused (`auth/tokens/key_sets.py`) replaces nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from joserfc.jwk import Key

from auth.tokens.discovery import DiscoveryRefused, build_discovery_url, parse_key_set_url
from auth.tokens.issuers import Issuer
from auth.tokens.key_sets import KeySetRefused, PublicKeys, parse_key_set
from records.calls.failures import AgencyFailure

MIN_REFRESH_INTERVAL: Final = 10.0
"""Seconds between two readings at least, whoever asks for them."""
REFRESH_INTERVAL: Final = 300.0
"""Seconds after which keys are read anew: how long a withdrawn key counts, with a minute of known tokens on top."""
RETRY_INTERVAL: Final = 30.0
"""Seconds after which a reading that failed is tried again, beside those that tokens cause."""
MAX_KEY_AGE: Final = 86_400.0
"""Seconds for which the last good keys count while their issuer cannot be reached."""

_log = logging.getLogger("simpul.issuers")


class DocumentReader(Protocol):
    """Reads documents of issuers; HTTP, handed in by the composition root."""

    async def read(self, url: str) -> bytes:
        """The body of what stands there with status 200, within a deadline and a size of its own.

        Follows no redirect. Raises AgencyFailure.
        """


class KeyState(Enum):
    """How the keys of an issuer are."""

    FRESH = "fresh"
    STALE = "kept"
    """The last good ones: the issuer cannot be reached, or publishes what is refused."""
    MISSING = "missing"


class IssuerKeys:
    """The keys of one issuer. Nothing is asked before the first token, or `refresh_periodically`."""

    def __init__(
        self,
        issuer: Issuer,
        documents: DocumentReader | None = None,
        *,
        monotonic_clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take the issuer, and who reads documents unless its keys stand in a file, which is read here.

        Raises ValueError that names the file where it cannot be used.
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
            raise ValueError(f"The issuer '{issuer.name}' has no file of keys, and nobody who reads them elsewhere.")

    @property
    def is_remote(self) -> bool:
        """Whether the keys come over the network."""
        return self.issuer.keys is None

    @property
    def state(self) -> KeyState:
        """How the keys are; asks nobody."""
        if self._get_usable_keys() is None:
            return KeyState.MISSING
        return KeyState.FRESH if self._reason is None else KeyState.STALE

    @property
    def reason(self) -> str | None:
        """Why the last reading failed, for the operator; None where it did not."""
        return self._reason

    def find(self, kid: str | None) -> Key | None:
        """The key of this name, or the only one; asks nobody."""
        keys = self._get_usable_keys()
        return None if keys is None else keys.find(kid)

    @property
    def can_refresh(self) -> bool:
        """Whether `refresh` would read, or wait for a reading that is under way."""
        if not self.is_remote:
            return False
        if self._reading is not None:
            return True
        return self._requested_at is None or self._monotonic_clock() - self._requested_at >= MIN_REFRESH_INTERVAL

    async def refresh(self) -> None:
        """Read the keys anew, unless that was done a moment ago; how it ended stands in `state`."""
        if self._documents is None or not self.can_refresh:
            return
        if self._reading is None:
            self._requested_at = self._monotonic_clock()
            self._reading = asyncio.get_running_loop().create_task(self._read(self._documents))
        # One who gives up must not take the reading from those who wait with them.
        await asyncio.shield(self._reading)

    async def refresh_periodically(self) -> None:
        """Read now and from time to time, until cancelled."""
        while self.is_remote:
            await self.refresh()
            await asyncio.sleep(REFRESH_INTERVAL if self._reason is None else RETRY_INTERVAL)

    async def close(self) -> None:
        """Give up a reading that is under way."""
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
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the service of known keys
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
        """Which issuer, and how its keys are."""
        return f"<IssuerKeys {self.issuer.name} {self.state.value}>"


def _load_key_file(issuer: Issuer, path: Path) -> PublicKeys:
    try:
        return parse_key_set(path.read_bytes(), issuer.algorithms)
    except OSError as error:
        why = error.strerror
    except KeySetRefused as refusal:
        why = str(refusal)
    raise ValueError(f"The file with the keys of issuer '{issuer.name}', {path}, cannot be used: {why}.")
