"""The trusted issuers of tokens: one entry for each, in a file that the operator writes.

The file is TOML, or JSON of the same shape (`docs/operators/issuers.md`). An issuer's tokens are accepted only for the
kinds of caller in its entry. For example, an issuer for partners cannot issue tokens for citizens.
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
"""Asymmetric algorithms by their names in RFC 7518 and RFC 9864, without `EdDSA`, which leaves the curve open."""
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
"""The meaning of `acr` if an entry does not define it: the names of the levels."""


class _IssuerModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ClaimNames(_IssuerModel):
    """The claim of each attribute, by name or path. The defaults are the hub's own names."""

    kind: ClaimPath = ("kind",)
    """A word, or a list of words whose meaning `kind_values` defines."""
    nik: ClaimPath = ("nik",)
    nib: ClaimPath = ("nib",)
    agency: ClaimPath = ("agency",)
    unit: ClaimPath = ("unit",)
    role: ClaimPath = ("role",)
    """A word, or a list of words in which `roles` names the roles."""
    client: ClaimPath = ("client_id",)
    """If it is absent, `azp` is read."""
    scopes: ClaimPath = ("scope",)
    purpose: ClaimPath = ("purpose",)
    case: ClaimPath = ("case",)
    on_behalf_of: ClaimPath = ("on_behalf_of",)


class ClientEntry(_IssuerModel):
    """A client whose tokens do not hold its kind."""

    kind: CallerKind
    agency: IssuerText | None = None
    """The agency of an agency system."""

    @model_validator(mode="after")
    def _check_kind_and_agency(self) -> Self:
        if self.kind not in {CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM}:
            raise ValueError(f"a client is a partner or an agency-system, not '{self.kind.value}'")
        if (self.kind is CallerKind.AGENCY_SYSTEM) != (self.agency is not None):
            raise ValueError("an agency-system needs an agency, a partner must have none")
        return self


class Issuer(_IssuerModel):
    """One issuer of tokens."""

    name: IssuerName
    """Its name in logs and in `/health/ready`."""
    url: IssuerText
    """Its address, which is exactly its name in tokens (`iss`)."""
    audience: Audiences
    """The hub's names in its tokens (`aud`). A token needs one of them (RFC 7519, section 4.1.3)."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES256",)
    types: Annotated[tuple[Annotated[TokenType, BeforeValidator(_to_lower)], ...], Field(min_length=1)] = ("at+jwt",)
    """Accepted values of `typ` (RFC 9068, section 2.1); `JWT` also accepts tokens without one."""
    kinds: Annotated[tuple[CallerKind, ...], Field(min_length=1)]
    """The kinds of caller for which it may issue tokens."""
    kind_values: Mapping[str, CallerKind] = {}
    """The kinds by its own words; if empty, it uses the hub's words. Other words in a list are ignored."""
    roles: tuple[IssuerText, ...] = ()
    """Its words for roles, if its tokens hold a list with other words."""
    kind_of_people: CallerKind | None = None
    """The kind of a person whose token does not hold one."""
    clients: Mapping[str, ClientEntry] = {}
    """The partners and agency systems for which it may issue tokens; these need not hold a kind."""
    agencies: tuple[IssuerText, ...] = ()
    """The agencies for whose officials, supervisors and systems it may issue tokens."""
    first_party: tuple[IssuerText, ...] = ()
    """The city's own apps, by `client_id`. With these, citizens have all their rights; with others, those of the
    token's scopes. People who work for the city act with these only. `*` means every client, for development only."""
    claims: ClaimNames = ClaimNames()
    assurance: Mapping[str, AssuranceLevel] = EIDAS_LEVELS
    """The assurance of each value of `acr`; other values mean none."""
    must_be_bound: tuple[CallerKind, ...] = ()
    """Kinds whose tokens must be bound to a client certificate (RFC 8705)."""
    longest_lifetime: Annotated[int, Field(ge=60, le=7 * 86_400)] = 86_400
    """Seconds; a token with a longer lifetime is refused."""
    keys: Path | None = None
    """A file with its public keys. With it, no keys are fetched over the network."""

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
            f"clients: name the clients of kind '{kind.value}' for which it may speak, or remove it from kinds"
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
                raise ValueError(f"issuer: the {what} '{most}' occurs {count} times; each issuer needs its own")
        return self


def is_safe_address(url: str) -> bool:
    """Whether the hub may fetch from the address: https, or http on this machine; no user, no query, no fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises if it is not a number
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
    """Load the issuers of a file; raises `ValueError` that names the file, the entry and the fault."""
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
    # pydantic also reports a list with invalid entries as too short.
    found = [each for each in found if each["type"] != "too_short"] or found
    return "; ".join(f"{_format_location(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in found)


def _format_location(parts: tuple[int | str, ...]) -> str:
    """The place in the file: `issuer 2, algorithms, 1: `. Entries count from 1."""
    words = [f"{part + 1}" if isinstance(part, int) else _to_text(part) for part in parts]
    if len(words) > 1 and words[0] == "issuer":
        words[:2] = [f"issuer {words[1]}"]
    return f"{', '.join(words)}: " if words else ""


def _to_text(part: str) -> str:
    return part.value if isinstance(part, Enum) else part
