"""Whose tokens the hub believes, and what of them: one entry an issuer, in a file that the operator writes.

The file is TOML, or JSON of the same shape (`docs/operators/issuers.md`). An issuer proves the kinds of caller that its
entry lists and no other: the issuer of partners cannot make citizens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from auth.caller import AGENCY_KINDS, APPLICATION_KINDS, Assurance, CallerKind
from auth.tokens.claim_path import ClaimPath
from records.config_file import read_config_file
from records.hub.clients import ClientId

Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "Ed25519"]
"""Asymmetric ones only, by their names of RFC 7518 and RFC 9864: under `EdDSA` the curve is anybody's guess."""
TokenType = Literal["at+jwt", "jwt"]
MAX_ISSUERS = 50
MAX_AUDIENCES = 20
EVERY_CLIENT = "*"


def _parse_assurance(value: object) -> object:
    return Assurance[value.upper()] if isinstance(value, str) and value.upper() in Assurance.__members__ else value


def _to_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _to_lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


IssuerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")]
IssuerText = Annotated[str, Field(min_length=1, max_length=200)]
Audiences = Annotated[tuple[IssuerText, ...], BeforeValidator(_to_tuple), Field(min_length=1, max_length=MAX_AUDIENCES)]
"""One name, or several."""
AssuranceLevel = Annotated[Assurance, BeforeValidator(_parse_assurance)]

EIDAS_LEVELS: Mapping[str, Assurance] = {
    f"{prefix}{name}": level
    for prefix in ("", "http://eidas.europa.eu/LoA/")
    for name, level in (("low", Assurance.LOW), ("substantial", Assurance.SUBSTANTIAL), ("high", Assurance.HIGH))
}
"""What `acr` means where an entry does not say it: the levels by their own names."""


class _IssuerModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ClaimNames(_IssuerModel):
    """Which claim holds what, by its name or the way to it. The defaults are the hub's own names."""

    kind: ClaimPath = ("kind",)
    """A word, or a list of words of which `kind_values` says what they mean."""
    nik: ClaimPath = ("nik",)
    nib: ClaimPath = ("nib",)
    agency: ClaimPath = ("agency",)
    unit: ClaimPath = ("unit",)
    role: ClaimPath = ("role",)
    """A word, or a list of words of which `roles` says which are roles."""
    client: ClaimPath = ("client_id",)
    """Where it is absent, `azp` is read."""
    scopes: ClaimPath = ("scope",)
    purpose: ClaimPath = ("purpose",)
    case: ClaimPath = ("case",)
    on_behalf_of: ClaimPath = ("on_behalf_of",)


class ClientEntry(_IssuerModel):
    """What a client is whose own tokens do not say it."""

    kind: CallerKind
    agency: IssuerText | None = None
    """For the system of an agency."""

    @model_validator(mode="after")
    def _check_kind_and_agency(self) -> Self:
        if self.kind not in {CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM}:
            raise ValueError(f"a client is a partner or an agency-system, not '{self.kind.value}'")
        if (self.kind is CallerKind.AGENCY_SYSTEM) != (self.agency is not None):
            raise ValueError("an agency-system names its agency, a partner names none")
        return self


class Issuer(_IssuerModel):
    """One issuer of tokens."""

    name: IssuerName
    """What logs and `/health/ready` call it."""
    url: IssuerText
    """Its address and its name in tokens (`iss`), to the letter."""
    audience: Audiences
    """What its tokens call the hub (`aud`): one of these has to be among a token's (RFC 7519, section 4.1.3)."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES256",)
    types: Annotated[tuple[Annotated[TokenType, BeforeValidator(_to_lower)], ...], Field(min_length=1)] = ("at+jwt",)
    """Values of `typ` (RFC 9068, section 2.1); `JWT` lets pass tokens without one."""
    kinds: Annotated[tuple[CallerKind, ...], Field(min_length=1)]
    """The kinds of caller it is believed about."""
    kind_values: Mapping[str, CallerKind] = {}
    """What its own words for kinds mean; where it is empty they are the hub's. Of a list, others mean nothing."""
    roles: tuple[IssuerText, ...] = ()
    """Its words for roles, where they stand in a list among others."""
    kind_of_people: CallerKind | None = None
    """What a token of somebody proves that does not say a kind."""
    clients: Mapping[str, ClientEntry] = {}
    """The partners and systems of agencies that it may speak for; their tokens need not say what they are."""
    agencies: tuple[IssuerText, ...] = ()
    """The agencies that it may speak for: of these are its officials, supervisors and systems."""
    first_party: tuple[IssuerText, ...] = ()
    """The city's own apps, by their `client_id`: with these a citizen has all their rights, with others those of the
    token's scopes. `*` stands for every client, and is for development alone."""
    claims: ClaimNames = ClaimNames()
    assurance: Mapping[str, AssuranceLevel] = EIDAS_LEVELS
    """What each value of `acr` means; others mean none."""
    must_be_bound: tuple[CallerKind, ...] = ()
    """Kinds whose tokens have to name a client certificate (RFC 8705)."""
    longest_lifetime: Annotated[int, Field(ge=60, le=7 * 86_400)] = 86_400
    """Seconds; a token that is good for longer is refused."""
    keys: Path | None = None
    """A file with its public keys. With it, nothing is ever asked over the network."""

    @property
    def missing_bounds(self) -> Sequence[str]:
        """The missing bounds of the entry, one sentence each; empty if the issuer is bound.

        In development an issuer may be unbound. Then its tokens are accepted for every agency, or every client.
        """
        faults = []
        if not self.agencies and not AGENCY_KINDS.isdisjoint(self.kinds):
            kinds = ", ".join(each.value for each in self.kinds if each in AGENCY_KINDS)
            faults.append(f"agencies: name the agencies for whose callers it may speak (its kinds hold {kinds})")
        named = {each.kind for each in self.clients.values()}
        faults += [
            f"clients: name the clients of kind '{kind.value}' for which it may speak, or take it out of kinds"
            for kind in self.kinds
            if kind in APPLICATION_KINDS and kind not in named
        ]
        return faults

    @model_validator(mode="after")
    def _check_clients(self) -> Self:
        for name, client in self.clients.items():
            ClientId(self.name, name)
            if client.kind not in self.kinds:
                raise ValueError(
                    f"clients: '{client.kind.value}' is not among the kinds of this issuer; add it to kinds"
                )
            if self.agencies and client.agency is not None and client.agency not in self.agencies:
                raise ValueError(f"clients: '{client.agency}' is not among the agencies of this issuer; add it there")
        return self

    def is_first_party(self, client: str | None) -> bool:
        """Whether a client is one of the city's own apps."""
        return client in self.first_party or EVERY_CLIENT in self.first_party

    @model_validator(mode="after")
    def _check_address_and_kinds(self) -> Self:
        if self.keys is None and not is_safe_address(self.url):
            raise ValueError("url: write it as 'https://...' (http on the loopback address alone), without '?' and '#'")
        for field, kinds in (("must_be_bound", self.must_be_bound), ("kind_values", self.kind_values.values())):
            for kind in kinds:
                if kind not in self.kinds:
                    raise ValueError(f"{field}: '{kind.value}' is not among the kinds of this issuer; add it to kinds")
        return self


class _IssuersFile(_IssuerModel):
    issuer: tuple[Issuer, ...]

    @model_validator(mode="after")
    def _check_distinct(self) -> Self:
        for each in self.issuer:
            if EVERY_CLIENT in each.first_party:
                raise ValueError(
                    f"issuer '{each.name}', first_party: '{EVERY_CLIENT}' would give every app all rights of a citizen;"
                    " name each of the city's own apps by its client_id"
                )
        if not 0 < len(self.issuer) <= MAX_ISSUERS:
            raise ValueError(f"issuer: there are {len(self.issuer)} entries; write 1 to {MAX_ISSUERS}")
        for what in ("name", "url"):
            [(most, count)] = Counter(getattr(each, what) for each in self.issuer).most_common(1)
            if count > 1:
                raise ValueError(f"issuer: the {what} '{most}' stands {count} times; each issuer has its own")
        return self


def is_safe_address(url: str) -> bool:
    """Whether something may be read from there: https, or http on this machine; no user, no query, no fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def load_issuers(path: Path) -> tuple[Issuer, ...]:
    """The issuers of a file; raises ValueError that names the file, the entry and what is wrong with it."""
    document = read_config_file(path, "the file of issuers")
    try:
        issuers = _IssuersFile.model_validate(document).issuer
    except ValidationError as error:
        raise ValueError(f"the file of issuers '{path}': {_format_errors(error)}") from None
    return tuple(
        each if each.keys is None else each.model_copy(update={"keys": path.parent / each.keys}) for each in issuers
    )


def _format_errors(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)
    # A list whose entries are wrong counts as too short as well.
    found = [each for each in found if each["type"] != "too_short"] or found
    return "; ".join(f"{_format_location(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in found)


def _format_location(parts: tuple[int | str, ...]) -> str:
    """Where in the file: `issuer 2, algorithms, 1: `; entries count from 1, as people do."""
    words = [f"{part + 1}" if isinstance(part, int) else _to_text(part) for part in parts]
    if len(words) > 1 and words[0] == "issuer":
        words[:2] = [f"issuer {words[1]}"]
    return f"{', '.join(words)}: " if words else ""


def _to_text(part: str) -> str:
    return part.value if isinstance(part, Enum) else part
