"""The keys of one issuer, kept up to date.

Keys come from a file that is read once, or over the network: from where the issuer's discovery document says, anew
every five minutes, and at once when a token names a key that is not known, since issuers change keys without notice.
Tokens are made up freely by anybody, so the second way is bounded: everybody who waits shares one reading, and one
begins at most every ten seconds, however many names of keys are made up. While an issuer cannot be reached, its last
good keys count, for a day at most; a set that is refused (`auth/key_sets.py`) replaces nothing.
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

from auth.discovery import DiscoveryRefused, discovery_address, key_set_address
from auth.issuers import Issuer
from auth.key_sets import KeySetRefused, PublicKeys, read_key_set
from records.failures import AgencyFailure

INTERVAL: Final = 10.0
"""Seconds between two readings at least, whoever asks for them."""
EVERY: Final = 300.0
"""Seconds after which keys are read anew: how long a withdrawn key counts, with a minute of known tokens on top."""
AFTER_A_FAILURE: Final = 30.0
"""Seconds after which a reading that failed is tried again, beside those that tokens cause."""
LONGEST_KEPT: Final = 86_400.0
"""Seconds for which the last good keys count while their issuer cannot be reached."""

_log = logging.getLogger("simpul.issuers")


class Documents(Protocol):
    """Reads documents of issuers; HTTP, handed in by the composition root."""

    async def read(self, url: str) -> bytes:
        """The body of what stands there with status 200, within a deadline and a size of its own.

        Follows no redirect. Raises AgencyFailure.
        """


class KeyState(Enum):
    """How the keys of an issuer are."""

    FRESH = "fresh"
    KEPT = "kept"
    """The last good ones: the issuer cannot be reached, or publishes what is refused."""
    MISSING = "missing"


class IssuerKeys:
    """The keys of one issuer. Nothing is asked before the first token, or `keep_fresh`."""

    def __init__(
        self, issuer: Issuer, documents: Documents | None = None, *, stopwatch: Callable[[], float] = monotonic
    ) -> None:
        """Take the issuer, and who reads documents unless its keys stand in a file, which is read here.

        Raises ValueError that names the file where it cannot be used.
        """
        self.issuer: Final = issuer
        self._documents = documents
        self._stopwatch = stopwatch
        self._keys: PublicKeys | None = None
        self._read_at = 0.0
        self._asked_at: float | None = None
        self._reason: str | None = None
        self._reading: asyncio.Task[None] | None = None
        if issuer.keys is not None:
            self._keys = _from_file(issuer, issuer.keys)
        elif documents is None:
            raise ValueError(f"The issuer '{issuer.name}' has no file of keys, and nobody who reads them elsewhere.")

    @property
    def remote(self) -> bool:
        """Whether the keys come over the network."""
        return self.issuer.keys is None

    @property
    def state(self) -> KeyState:
        """How the keys are; asks nobody."""
        if self._current() is None:
            return KeyState.MISSING
        return KeyState.FRESH if self._reason is None else KeyState.KEPT

    @property
    def reason(self) -> str | None:
        """Why the last reading failed, for the operator; None where it did not."""
        return self._reason

    def find(self, kid: str | None) -> Key | None:
        """The key of this name, or the only one; asks nobody."""
        keys = self._current()
        return None if keys is None else keys.find(kid)

    @property
    def may_learn(self) -> bool:
        """Whether `learn` would read, or wait for a reading that is under way."""
        if not self.remote:
            return False
        if self._reading is not None:
            return True
        return self._asked_at is None or self._stopwatch() - self._asked_at >= INTERVAL

    async def learn(self) -> None:
        """Read the keys anew, unless that was done a moment ago; how it ended stands in `state`."""
        if self._documents is None or not self.may_learn:
            return
        if self._reading is None:
            self._asked_at = self._stopwatch()
            self._reading = asyncio.get_running_loop().create_task(self._read(self._documents))
        # One who gives up must not take the reading from those who wait with them.
        await asyncio.shield(self._reading)

    async def keep_fresh(self) -> None:
        """Read now and from time to time, until cancelled."""
        while self.remote:
            await self.learn()
            await asyncio.sleep(EVERY if self._reason is None else AFTER_A_FAILURE)

    async def close(self) -> None:
        """Give up a reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _current(self) -> PublicKeys | None:
        if self.remote and self._stopwatch() - self._read_at >= LONGEST_KEPT:
            return None
        return self._keys

    async def _read(self, documents: Documents) -> None:
        try:
            keys = await self._published(documents)
        except AgencyFailure as failure:
            self._failed(failure.detail or failure.code)
        except (DiscoveryRefused, KeySetRefused) as refusal:
            self._failed(str(refusal))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the service of known keys
            self._failed(type(error).__qualname__)
        else:
            if self._reason is not None:
                _log.info("Issuer %s publishes its keys again.", self.issuer.name, extra={"issuer": self.issuer.name})
            self._keys, self._read_at, self._reason = keys, self._stopwatch(), None
        finally:
            self._reading = None

    async def _published(self, documents: Documents) -> PublicKeys:
        document = await documents.read(discovery_address(self.issuer.url))
        address = key_set_address(document, self.issuer.url)
        return read_key_set(await documents.read(address), self.issuer.algorithms)

    def _failed(self, reason: str) -> None:
        if reason != self._reason:
            kept = "its last keys are used" if self._current() is not None else "its tokens cannot be checked"
            said = {"issuer": self.issuer.name}
            _log.warning("The keys of issuer %s cannot be read (%s): %s.", self.issuer.name, reason, kept, extra=said)
        self._reason = reason

    def __repr__(self) -> str:
        """Which issuer, and how its keys are."""
        return f"<IssuerKeys {self.issuer.name} {self.state.value}>"


def _from_file(issuer: Issuer, path: Path) -> PublicKeys:
    try:
        return read_key_set(path.read_bytes(), issuer.algorithms)
    except OSError as error:
        why = error.strerror
    except KeySetRefused as refusal:
        why = str(refusal)
    raise ValueError(f"The file with the keys of issuer '{issuer.name}', {path}, cannot be used: {why}.")
