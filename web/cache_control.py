"""What an answer says of who may keep it, and for how long (RFC 9111): as the strictest of its parts allows.

Whatever failed, is partly there, is no longer fresh, or changed something is kept by nobody. What is personal is kept
by nobody but the browser of whom it was given to, and by that only to ask if it is still the same: devices are shared,
rights are taken back, and each reading has to pass the rules and be recorded. Specific personal data (UU PDP 27/2022,
article 4, paragraph 2) stays on no disk at all, and who reads as an official, a partner or a system keeps nothing.
"""

from __future__ import annotations

from collections.abc import Container
from math import inf
from typing import Final, NamedTuple

from auth.caller import CallerKind
from auth.children import is_child, today_here
from auth.rules import Classification
from engine.request import GraphQLResponse
from web.settings import WebSettings

KEEPING: Final = (CallerKind.ANONYMOUS, CallerKind.CITIZEN, CallerKind.BUSINESS)
"""Whose browsers may keep anything."""


_SPECIFIC: Final = frozenset(each.label for each in Classification if each.level == "SPECIFIC")


class Storing(NamedTuple):
    """How an answer may be kept."""

    fields: bytes
    """Header lines, each with its end."""
    is_validated: bool = False
    """Whether who kept it may ask if it is still the same: it gets an entity tag."""
    is_shared: bool = False
    """Whether it may be handed to others: it must tell nothing of who asked."""


NOBODY: Final = Storing(b"cache-control: no-store\r\nvary: Accept\r\n")


_Said = tuple[int, int, float, float, bool, bool]
"""Age; how long it is fresh, given while it is asked for anew, and given on failure; by GET, and with a token."""
_MOST_MADE = 4096


class CacheControl:
    """Decides it, for one hub."""

    def __init__(self, settings: WebSettings) -> None:
        # Who has a token may be answered otherwise, and an origin be told that its pages may read.
        self._vary = b"vary: Accept, Authorization%b\r\n" % (b", Origin" if settings.allowed_origins else b"")
        self._most = settings.public_max_age
        self._own = Storing(b"cache-control: private, no-store\r\n" + self._vary)
        self._own_validated = Storing(b"cache-control: private, no-cache\r\n" + self._vary, is_validated=True)
        self._made: dict[_Said, Storing] = {}
        """What was made for answers with public data: for most, there is one that says the same."""

    def of(self, response: GraphQLResponse, kind: CallerKind, sent: Container[str], *, by_get: bool) -> Storing:
        """How the answer to a caller of this kind, who sent these header fields, may be kept.

        What is posted is kept by no cache (RFC 9110, section 9.3.3).
        """
        lasts = response.lasts
        if lasts is None or response.errors or response.extensions or kind not in KEEPING:
            return NOBODY
        age, fresh, revalidating, failing = lasts
        if not response.is_public:
            return self._private(response, int(age), by_get=by_get)
        most = self._most
        if not most:
            return NOBODY
        with_token = "authorization" in sent
        said = int(age), int(fresh) if fresh < most else most, revalidating, failing, by_get, with_token
        storing = self._made.get(said)
        if storing is None:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            fields = _public(said, most) + self._vary
            storing = Storing(fields, is_validated=by_get, is_shared=by_get and not with_token)
            self._made[said] = storing
        return storing

    def _private(self, response: GraphQLResponse, age: int, *, by_get: bool) -> Storing:
        may_ask_again = by_get and _SPECIFIC.isdisjoint(response.classes) and _is_of_adults(response)
        storing = self._own_validated if may_ask_again else self._own
        return storing if not age else storing._replace(fields=storing.fields + _aged(age))


def _is_of_adults(response: GraphQLResponse) -> bool:
    """Whether nobody whom it is about is a child, or unknown: whatever is about a child is specific."""
    today = today_here()
    return not any(each.subject is None or is_child(str(each.subject), today) for each in response.reads)


def _public(said: _Said, most: int) -> bytes:
    """The header lines of public data, in whole seconds and never more than there are.

    `max-age` counts from when the oldest part was said, so that what is left of it after `Age` is what is left of the
    strictest part.
    """
    age, fresh, revalidating, failing, by_get, with_token = said
    scope = "private" if with_token else "public"
    if not fresh:
        return f"cache-control: {scope}, no-cache\r\n".encode("ascii") + _aged(age)
    told = [scope, f"max-age={age + fresh}"]
    if not with_token:
        told += [f"stale-while-revalidate={min(int(revalidating), most)}"] if 1 <= revalidating < inf else []
        told += [f"stale-if-error={int(failing)}"] if 1 <= failing < inf else []
    lines = f"cache-control: {', '.join(told)}\r\n".encode("ascii") + _aged(age)
    if age and by_get and not with_token:
        lines += b"x-accel-expires: %d\r\n" % fresh  # nginx does not look at `Age`
    return lines


def _aged(age: int) -> bytes:
    return b"age: %d\r\n" % age if age else b""
