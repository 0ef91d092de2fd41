"""Limits the parsing for one connection in one turn of the event loop, whatever the peer sends.

A body in chunks of one byte costs much more than one in large chunks: 0.16 µs a chunk here, 0.7 µs in aiohttp. A turn
may bring 256 KiB of them from each connection, and on uvloop more. So bytes are parsed slice by slice. The body itself
is cheap. Of the bytes around it (at least 5 a chunk) a few KiB are parsed in one turn, and the rest waits.
"""

from __future__ import annotations

import asyncio
from typing import Final

SLICE: Final = 8 * 1024
"""Bytes that are parsed in one step."""
MOST_AROUND: Final = 4 * 1024
"""Bytes around the body after which the rest waits for the next turn."""

NOTHING: Final = memoryview(b"")


class BoundedReading(asyncio.Protocol):
    """A mixin for a protocol, which sets the two attributes. Slots here would conflict with those of aiohttp."""

    _held: memoryview
    """Received bytes that wait; `NOTHING` at first. Reading is paused while there are any."""
    _lost_error: BaseException | bool
    """The error that ended the connection while bytes were held, True if it had none; False at first."""

    # Implemented by the protocol.

    def _feed(self, data: bytes | memoryview) -> int | None:
        """Parse bytes. Returns how many of them were not part of the body; None if the connection was abandoned."""
        raise NotImplementedError

    def _is_wanted(self) -> bool:
        """Whether a caller waits for the bytes that are held."""
        raise NotImplementedError

    def _choose_size(self, data: memoryview) -> int:  # noqa: ARG002 - for protocols that look at the bytes
        """How many of these bytes to parse in the next step."""
        return SLICE

    def _is_full(self) -> bool:
        """Whether earlier bytes must be consumed first."""
        return False

    def _get_transport(self) -> asyncio.Transport | None:
        """The transport; None without a connection."""
        raise NotImplementedError

    def _lose(self, error: BaseException | None) -> None:
        """Handle the loss of the connection, after all received bytes are parsed."""
        raise NotImplementedError

    # Called by the event loop.

    def data_received(self, data: bytes) -> None:
        """Parse the received bytes, as far as one turn allows; see asyncio.Protocol."""
        if self._held:
            self._hold(memoryview(bytes(self._held) + data))
        elif len(data) <= SLICE:
            self._feed(data)
        else:
            self._parse(memoryview(data))

    def connection_lost(self, exc: BaseException | None) -> None:
        """End after the earlier bytes are parsed; see asyncio.Protocol."""
        if self._held and self._is_wanted():
            self._lost_error = exc or True
            return
        self._held = NOTHING
        self._lose(exc)

    # Parsing, over several turns of the event loop.

    def _parse(self, data: memoryview) -> None:
        around = 0
        while data and around < MOST_AROUND and not self._is_full():
            size = self._choose_size(data)
            cost = self._feed(data[:size])
            if cost is None:
                return
            around += cost
            data = data[size:]
        if data:
            self._hold(data)
            asyncio.get_running_loop().call_soon(self._parse_held)

    def _hold(self, data: memoryview) -> None:
        self._held = data
        transport = self._get_transport()
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def _parse_held(self) -> None:
        data, self._held = self._held, NOTHING
        if data and self._is_wanted():
            self._parse(data)
        if self._held:
            return
        error, self._lost_error = self._lost_error, False
        if error:
            self._lose(None if error is True else error)
            return
        transport = self._get_transport()
        if transport is not None and not transport.is_closing() and not self._is_full():
            transport.resume_reading()
