"""Builds the caller from the claims of a verified token. Pure.

Only the issuer's entry supplies defaults for absent claims (`auth/tokens/issuers.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from auth.caller import (
    ANONYMOUS,
    APPLICATION_KINDS,
    STAFF_KINDS,
    Assurance,
    Caller,
    CallerKind,
    parse_authentication_time,
)
from auth.policy.declared_purpose import is_valid_case, is_valid_purpose
from auth.tokens.claim_path import ClaimStep, get_claim
from auth.tokens.issuers import ClientEntry, Issuer
from records.hub.clients import ClientId
from records.identifiers import Nik

_NIK: Final = re.compile(r"\d{16}", re.ASCII)
_NIB: Final = re.compile(r"\d{13}", re.ASCII)
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}", re.ASCII)
"""A scope (RFC 6749, section 3.3)."""
_MAX_SCOPES: Final = 50
_MAX_SUBJECT_LENGTH: Final = 255
_MAX_TEXT_LENGTH: Final = 100
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_CERTIFICATE_MEMBER: Final = "x5t#S256"
_CLIENT: Final = ("client_id",)
_SUBJECT: Final = ("sub",)
ClaimSteps = tuple[ClaimStep, ...]


class IssuerNotAuthorized(ValueError):  # noqa: N818 - names the condition
    """The issuer may not issue tokens for the caller in the claims. The text is safe to show."""


def build_caller(claims: Mapping[str, Any], issuer: Issuer) -> Caller:
    """Build the caller from the claims.

    Raises `ValueError`, without values of the token, if the claims name no caller or contradict each other. Raises
    `IssuerNotAuthorized` if this issuer may not issue tokens for the caller.
    """
    names = issuer.claims
    name = _text(claims, names.client) or (_text(claims, ("azp",)) if names.client == _CLIENT else None)
    subject = _subject(claims)
    kind = _kind(claims, issuer, name, subject)
    if kind not in issuer.kinds:
        raise _build_not_authorized(names.kind, "a kind of caller")
    if kind is CallerKind.ANONYMOUS:
        if any(get_claim(claims, each) is not None for each in (names.nik, names.nib, names.agency)):
            raise ValueError("An anonymous caller has a number or an agency.")
        return ANONYMOUS
    nik, on_behalf_of = _niks(claims, issuer, kind)
    entry = issuer.clients.get(name or "")
    listed = entry.agency if entry is not None and entry.kind is kind else None
    agency = _text(claims, names.agency) or listed
    _check_bounds(issuer, kind, agency, entry)
    caller = Caller(
        kind=kind,
        nik=nik,
        nib=_get_own_number(claims, names.nib, _NIB, is_carried=kind is CallerKind.BUSINESS),
        agency=agency,
        unit=_text(claims, names.unit),
        role=_role(claims, issuer),
        client=None if name is None else ClientId(issuer.name, name),
        first_party=kind is CallerKind.CITIZEN and issuer.is_first_party(name),
        authenticated_at=parse_authentication_time(claims) if kind is CallerKind.CITIZEN else None,
        subject=f"{issuer.url} {subject}",
        scopes=_scopes(get_claim(claims, names.scopes)),
        assurance=_assurance(claims.get("acr"), issuer),
        on_behalf_of=on_behalf_of,
        purpose=_get_declared(claims, names.purpose, is_valid_purpose),
        case=_get_declared(claims, names.case, is_valid_case),
    )
    if kind in STAFF_KINDS and not issuer.is_first_party(name):
        # Another app would act with all rights of the person, for purposes that it states itself.
        raise _build_not_authorized(names.client, "no app of the city")
    return caller


def _check_bounds(issuer: Issuer, kind: CallerKind, agency: str | None, entry: ClientEntry | None) -> None:
    """Check that the issuer may issue tokens for the agency and the application; `entry` is the client's."""
    names = issuer.claims
    if agency is not None and issuer.agencies and agency not in issuer.agencies:
        raise _build_not_authorized(names.agency, "an agency")
    if kind in APPLICATION_KINDS and issuer.clients:
        if entry is None or entry.kind is not kind:
            raise _build_not_authorized(names.client, "an application")
        if entry.agency != agency:
            raise _build_not_authorized(names.agency, "an agency")


def _build_not_authorized(path: ClaimSteps, what: str) -> IssuerNotAuthorized:
    """The error. It names the claim, as in the issuer's entry, and never its value."""
    claim = ".".join(map(str, path))
    return IssuerNotAuthorized(
        f"The token's claim '{claim}' names {what} for which its issuer may not issue tokens at this hub. "
        "Ask the operators of the hub to add it to the issuer's entry."
    )


def get_certificate_thumbprint(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint of the client certificate that a token is bound to (RFC 8705, section 3.1), if any.

    Raises `ValueError` for another kind of binding, which the hub cannot check. Accepting such a token from any bearer
    would ignore the binding.
    """
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or set(bound) != {_CERTIFICATE_MEMBER}:
        raise ValueError("The token is bound to something other than a certificate.")
    thumbprint = bound[_CERTIFICATE_MEMBER]
    if not isinstance(thumbprint, str) or not _THUMBPRINT.fullmatch(thumbprint):
        raise ValueError("The thumbprint is malformed.")
    return thumbprint


def _kind(claims: Mapping[str, Any], issuer: Issuer, client: str | None, subject: str) -> CallerKind:
    claim = get_claim(claims, issuer.claims.kind)
    if isinstance(claim, list):
        claim = _pick_known_word(claim, issuer.kind_values, issuer.kind_values)
    if claim is not None:
        if not isinstance(claim, str):
            raise ValueError("The kind is not a text.")
        if not issuer.kind_values:
            return CallerKind(claim)
        if claim not in issuer.kind_values:
            raise ValueError("The kind is not among the issuer's words.")
        return issuer.kind_values[claim]
    if client is not None and client == subject:
        entry = issuer.clients.get(client)
        kind = None if entry is None else entry.kind
    else:
        kind = issuer.kind_of_people
    if kind is None:
        raise ValueError("The token names no kind of caller.")
    return kind


def _role(claims: Mapping[str, Any], issuer: Issuer) -> str | None:
    claim = get_claim(claims, issuer.claims.role)
    if isinstance(claim, list):
        return _pick_known_word(claim, issuer.roles, {})
    return _text(claims, issuer.claims.role)


def _pick_known_word(claim_words: Sequence[object], known: Collection[str], means: Mapping[str, object]) -> str | None:
    """The known word in a list; None if there is none. Unknown words are ignored.

    Raises `ValueError` for two known words with different meanings, because the hub must not choose between them.
    """
    if not all(isinstance(each, str) for each in claim_words):
        raise ValueError("A list of words holds another type.")
    if not known:
        raise ValueError("The issuer's entry does not say which words of a list count.")
    words = {means.get(each, each): each for each in claim_words if isinstance(each, str) and each in known}
    if len(words) > 1:
        raise ValueError("The words of a list contradict each other.")
    return next(iter(words.values()), None)


def _niks(claims: Mapping[str, Any], issuer: Issuer, kind: CallerKind) -> tuple[Nik | None, Nik | None]:
    """The caller's own NIK, and the NIK of the person that they act for.

    A token expresses this in one of two ways. Either it is about the caller, and a separate claim names the person. Or
    it is a delegation (RFC 8693, section 4.1): it is about the person, and `act` names the caller. Chains of
    delegations are refused.
    """
    names = issuer.claims
    about = _nik(_get_own_number(claims, names.nik, _NIK, is_carried=kind is CallerKind.CITIZEN))
    person = _nik(_number(claims, names.on_behalf_of, _NIK))
    actor = claims.get("act")
    if actor is None:
        return about, person
    if not isinstance(actor, dict) or "act" in actor:
        raise ValueError("The claim act is not an object, or holds another act.")
    if person is not None:
        if actor.get("sub") != claims.get("sub"):
            raise ValueError("The actor is not the subject of the token.")
        return about, person
    acting = _nik(_number(actor, names.nik, _NIK))
    if about is None or acting is None or acting == about:
        raise ValueError("A delegation needs the numbers of two different people.")
    return acting, about


def _nik(number: str | None) -> Nik | None:
    return None if number is None else Nik(number)


def _get_own_number(
    claims: Mapping[str, Any], path: ClaimSteps, shape: re.Pattern[str], *, is_carried: bool
) -> str | None:
    """The caller's own number. If the issuer uses `sub` for it, the `sub` of other kinds of caller is not a number."""
    return _number(claims, path, shape) if is_carried or path != _SUBJECT else None


def _number(claims: Mapping[str, Any], path: ClaimSteps, shape: re.Pattern[str]) -> str | None:
    claim = get_claim(claims, path)
    if claim is None:
        return None
    if not isinstance(claim, str) or not shape.fullmatch(claim):
        raise ValueError("A number is malformed.")
    return claim


def _subject(claims: Mapping[str, Any]) -> str:
    """The caller's `sub`; in a delegation (RFC 8693), that of the actor."""
    actor, claim = claims.get("act"), claims.get("sub")
    if isinstance(actor, dict):
        claim = actor.get("sub")
    if not isinstance(claim, str) or not 0 < len(claim) <= _MAX_SUBJECT_LENGTH or not claim.isprintable():
        raise ValueError("The subject is missing or malformed.")
    return claim


def _text(claims: Mapping[str, Any], path: ClaimSteps) -> str | None:
    claim = get_claim(claims, path)
    if claim is None:
        return None
    if not isinstance(claim, str) or not claim.strip() or len(claim) > _MAX_TEXT_LENGTH or not claim.isprintable():
        raise ValueError("A claim is not a short text.")
    return claim


def _scopes(claim: object) -> frozenset[str]:
    """Scopes as RFC 6749 writes them, separated by spaces, or as a list."""
    scopes = list(filter(None, claim.split(" "))) if isinstance(claim, str) else [] if claim is None else claim
    if not isinstance(scopes, list) or len(scopes) > _MAX_SCOPES:
        raise ValueError("The scopes are malformed, or too many.")
    if not all(isinstance(each, str) and _SCOPE.fullmatch(each) for each in scopes):
        raise ValueError("A scope is malformed.")
    return frozenset(scopes)


def _assurance(claim: object, issuer: Issuer) -> Assurance:
    return issuer.assurance.get(claim, Assurance.NONE) if isinstance(claim, str) else Assurance.NONE


def _get_declared(claims: Mapping[str, Any], path: ClaimSteps, allowed: Callable[[str], bool]) -> str | None:
    claim = get_claim(claims, path)
    if claim is not None and not (isinstance(claim, str) and allowed(claim)):
        raise ValueError("A purpose or case is malformed.")
    return claim
