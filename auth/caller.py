"""The caller of a request, proven by a signed token and never claimed by a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from math import isfinite
from typing import Any, Final

from records.hub.clients import ClientId
from records.identifiers import Nik
from records.purposes import CitizenScope


class CallerKind(Enum):
    """The kinds of caller that rules distinguish (the roles of a city's hub)."""

    ANONYMOUS = "anonymous"
    CITIZEN = "citizen"
    """A person, for themself, or as guardian or assistant for another (UU PDP 27/2022, articles 25 and 26)."""
    BUSINESS = "business"
    """A business, by its NIB."""
    OFFICIAL = "official"
    """An official of an agency, for a purpose and a case."""
    SUPERVISOR = "supervisor"
    """Reads the access records of their own agency."""
    STEWARD = "steward"
    """Walidata: decides about master data (Perpres 39/2019)."""
    AUDITOR = "auditor"
    """Reads the access records of all agencies."""
    PROTECTION_OFFICER = "protection-officer"
    """The data-protection officer (UU PDP 27/2022, article 53)."""
    PARTNER = "partner"
    """An application of a partner, within a citizen's consent."""
    AGENCY_SYSTEM = "agency-system"
    """A system of an agency (G2G), for a purpose and a case."""
    OPERATOR = "operator"
    """Runs the hub; reads no personal data."""

    __hash__ = object.__hash__
    """By identity: `Enum` hashes the name in Python, for each of several look-ups of a request."""


class Assurance(IntEnum):
    """Assurance of a person's identity, from `acr`: the eIDAS levels (Regulation (EU) 910/2014, article 8)."""

    NONE = 0
    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3


class Representation(Enum):
    """The role in which a citizen acts."""

    SELF = "self"
    ASSISTANT = "assistant"
    """For a person with a disability who asked for help (UU PDP 27/2022, article 26); proven by the issuer."""


AGENCY_KINDS = frozenset({CallerKind.OFFICIAL, CallerKind.SUPERVISOR, CallerKind.AGENCY_SYSTEM})
"""Kinds of caller that belong to an agency."""
APPLICATION_KINDS = frozenset({CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM})
"""Kinds of caller that are themselves a client application."""
STAFF_KINDS = frozenset(
    {
        CallerKind.OFFICIAL,
        CallerKind.SUPERVISOR,
        CallerKind.STEWARD,
        CallerKind.AUDITOR,
        CallerKind.PROTECTION_OFFICER,
        CallerKind.OPERATOR,
    }
)
"""Kinds of people who act for the city, only through its own apps."""
PURPOSE_KINDS = frozenset({CallerKind.OFFICIAL, CallerKind.AGENCY_SYSTEM, CallerKind.PARTNER})
"""Kinds of caller that state a purpose, and read only what people's preferences allow."""
_CITIZEN_SCOPES: Final = frozenset(each.value for each in CitizenScope)
_AUTH_TIME_LEEWAY: Final = 10.0
"""Seconds by which the clocks of hub and issuer may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller, as the token of the request proves it.

    `repr` never shows the NIK, the NIB or the subject, so that a caller can be logged. Two callers are equal if all
    attributes that a rule may read are equal.
    """

    kind: CallerKind
    nik: Nik | None = None
    """The citizen's NIK; None for other kinds."""
    agency: str | None = None
    """The agency an official, a supervisor or a system belongs to."""
    subject: str = ""
    """The issuer and the caller's name at it (`sub`), separated by a space."""
    nib: str | None = None
    """The NIB of a business."""
    unit: str | None = None
    """The unit of the agency."""
    role: str | None = None
    """The role at the agency."""
    client: ClientId | None = None
    """The client application (`client_id` or `azp`) at its issuer. Partners and agency systems are clients."""
    scopes: frozenset[str] = frozenset()
    """What the token allows the client (`scope`)."""
    first_party: bool = False
    """Whether the client is one of the city's own apps, with which a citizen has all their rights."""
    authenticated_at: float | None = None
    """When the person last authenticated at the issuer (`auth_time`), in seconds since 1970."""
    assurance: Assurance = Assurance.NONE
    on_behalf_of: Nik | None = None
    """The person that an assistant acts for."""
    purpose: str | None = None
    """The purpose of the request, from its headers or the token."""
    case: str | None = None
    """The number of the case."""

    def __post_init__(self) -> None:
        """Refuse a caller whose attributes contradict its kind."""
        self._check_carries((CallerKind.CITIZEN,), "NIK", self.nik)
        self._check_carries(AGENCY_KINDS, "agency", self.agency)
        self._check_carries((CallerKind.BUSINESS,), "NIB", self.nib)
        if self.kind in APPLICATION_KINDS and self.client is None:
            raise ValueError(f"A caller of kind {self.kind.value} must carry a client.")
        if self.on_behalf_of is not None and self.kind is not CallerKind.CITIZEN:
            raise ValueError(f"A caller of kind {self.kind.value} must not act for a person.")

    def _check_carries(self, kinds: frozenset[CallerKind] | tuple[CallerKind, ...], name: str, value: object) -> None:
        if (self.kind in kinds) != (value is not None):
            must = "must" if value is None else "must not"
            raise ValueError(f"A caller of kind {self.kind.value} {must} carry {_ARTICLE[name]} {name}.")

    def has_citizen_scope(self, scopes: frozenset[CitizenScope]) -> bool:
        """Whether a citizen's client may read the fields that one of these scopes opens."""
        return self.first_party or any(each.value in self.scopes for each in scopes)

    @property
    def delegation_limits(self) -> frozenset[str]:
        """The scopes to which the delegation of an assistant is limited; none for a whole delegation."""
        return frozenset() if self.on_behalf_of is None else self.scopes & _CITIZEN_SCOPES

    @property
    def states_purpose(self) -> bool:
        """Whether the caller states a purpose, so that decisions depend on people's preferences."""
        return self.kind in PURPOSE_KINDS

    @property
    def representation(self) -> Representation:
        """Whether a citizen acts for themself or for another person."""
        return Representation.SELF if self.on_behalf_of is None else Representation.ASSISTANT

    def __repr__(self) -> str:
        """Kind, agency and client only."""
        at = f" at {self.agency}" if self.agency else ""
        by = f" by {self.client}" if self.client else ""
        return f"<Caller {self.kind.value}{at}{by}>"


_ARTICLE = {"NIK": "a", "agency": "an", "NIB": "a"}

ANONYMOUS = Caller(kind=CallerKind.ANONYMOUS)


def parse_authentication_time(claims: Mapping[str, Any]) -> float | None:
    """When a person last authenticated at the issuer, in seconds since 1970.

    The claim is `auth_time` (OpenID Connect Core 1.0, section 2). None if it is absent or no positive number.
    """
    moment = claims.get("auth_time")
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    try:
        seconds = float(moment)
    except OverflowError:
        return None
    return seconds if isfinite(seconds) and seconds > 0 else None


def is_authentication_recent(moment: float | None, seconds: float, *, now: float) -> bool:
    """Whether a person authenticated within the given seconds; a time in the future does not count."""
    return moment is not None and now - seconds - _AUTH_TIME_LEEWAY <= moment <= now + _AUTH_TIME_LEEWAY
