"""Reads the contract of a client from a TOML file, or JSON with the same members. Unknown members are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.command_error import CommandError
from records.config_file import read_config_file
from records.hub.clients import ClientId
from records.hub.operations import FIRST_PARTY, ClientContract, ConsentTerms, OperationMode, VariableRange
from records.hub.partner_addresses import find_address_fault
from records.partners import PartnerListing
from records.purposes import Purpose

_MEMBERS = {"issuer", "client", "name", "mode", "cost_a_day", "scopes", "variables", "consent", "listing"}
_CONSENT_MEMBERS = {"purposes", "days", "redirect_uris", "webhook", "webhook_secret"}
_MAX_DAYS = 3650
_MAX_ADDRESSES = 20
_MAX_NAME_LENGTH = 100
_RANGE_MEMBERS = {"at_least", "at_most", "most_items", "one_of"}


def read_contract(path: Path) -> ClientContract:
    """Read the contract from a file; raises `CommandError` with what is wrong."""
    try:
        document = read_config_file(path, "the contract")
    except ValueError as problem:
        raise CommandError(str(problem)) from None
    try:
        return _parse_contract(document)
    except ValueError as problem:
        raise CommandError(f"{path}: {problem}") from None


def _parse_contract(document: Any) -> ClientContract:  # noqa: ANN401 - any TOML or JSON
    _refuse_unknown_members(_require_table("the contract", document), _MEMBERS, "the contract")
    client = _parse_client(document)
    mode = document.get("mode", OperationMode.IDS_ONLY.value)
    if mode not in set(OperationMode):
        raise ValueError(f"'mode' is {mode!r}; choose one of {', '.join(OperationMode)}")
    cost = document.get("cost_a_day")
    if cost is not None and (not _is_count(cost) or cost < 1):
        raise ValueError(f"'cost_a_day' is {cost!r}; give a number of points, at least 1, or leave it out")
    name = document.get("name")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= _MAX_NAME_LENGTH and name.isprintable()):
        raise ValueError("'name' must be the client's name for people, 1 to 100 characters")
    consent = _parse_consent(document["consent"]) if "consent" in document else None
    if consent is not None and name is None:
        raise ValueError("'name' is missing: people must see which client asks for their consent")
    listing = _parse_listing(document["listing"]) if "listing" in document else None
    if listing is not None and name is None:
        raise ValueError("'name' is missing: the directory of partners shows it")
    return ClientContract(
        client=client,
        name=name,
        consent=consent,
        listing=listing,
        mode=OperationMode(mode),
        scopes=_parse_scopes(document.get("scopes", {})),
        variables={
            operation: {
                name: _parse_range(f"variables.{operation}.{name}", each)
                for name, each in _require_table(operation, of).items()
            }
            for operation, of in _require_table("'variables'", document.get("variables", {})).items()
        },
        cost_a_day=cost,
    )


def _parse_listing(value: object) -> PartnerListing:
    from cli.operations.contract_listing import parse_listing  # noqa: PLC0415 - pydantic, which other commands need not wait for

    return parse_listing(value)


def _parse_client(document: Mapping[str, Any]) -> ClientId:
    """The client's issuer and its name there: two issuers may use the same name for different clients."""
    issuer, client = document.get("issuer"), document.get("client")
    if client == FIRST_PARTY and issuer is None:
        return FIRST_PARTY
    if not isinstance(issuer, str):
        raise ValueError(  # noqa: TRY004 - one kind of fault for the whole file
            "'issuer' must be the name that the client's issuer has in SIMPUL_ISSUERS"
        )
    if not isinstance(client, str):
        raise ValueError("'client' must be the client_id of its tokens, 1 to 100 characters")  # noqa: TRY004 - same
    return ClientId(issuer, client)


def _parse_consent(value: object) -> ConsentTerms:
    members = _require_table("'consent'", value)
    _refuse_unknown_members(members, _CONSENT_MEMBERS, "'consent'")
    purposes = members.get("purposes")
    if not isinstance(purposes, list) or not purposes or not all(each in Purpose.__members__ for each in purposes):
        raise ValueError(f"'consent.purposes' must be a list of {', '.join(Purpose.__members__)}")
    days, version = members.get("days"), members.get("webhook_secret", 1)
    if not isinstance(days, int) or not _is_count(days) or not 1 <= days <= _MAX_DAYS:
        raise ValueError(f"'consent.days' must be the maximum days of a consent, 1 to {_MAX_DAYS}")
    if not _is_count(version) or version < 1:
        raise ValueError("'consent.webhook_secret' must be a version, 1 or higher")
    addresses, webhook = members.get("redirect_uris"), members.get("webhook")
    if not isinstance(addresses, list) or not 1 <= len(addresses) <= _MAX_ADDRESSES:
        raise ValueError(f"'consent.redirect_uris' must be a list of 1 to {_MAX_ADDRESSES} addresses")
    for each in addresses:
        _refuse_address("redirect_uris", find_address_fault(each))
    if webhook is not None:
        _refuse_address("webhook", find_address_fault(webhook, allow_query=False))
    return ConsentTerms(
        purposes=tuple(Purpose[each] for each in purposes),
        days=days,
        redirect_uris=tuple(addresses),
        webhook=webhook,
        webhook_secret=version,
    )


def _refuse_address(member: str, fault: str | None) -> None:
    if fault is not None:
        raise ValueError(f"an address of 'consent.{member}' {fault}")


def _parse_scopes(value: object) -> dict[str, tuple[str, ...]]:
    scopes: dict[str, tuple[str, ...]] = {}
    for scope, fields in _require_table("'scopes'", value).items():
        if not scope or any(character.isspace() for character in scope):
            raise ValueError(f"the scope {scope!r} has a space or is empty; tokens could not hold it")
        if not isinstance(fields, list) or not all(isinstance(each, str) and _is_field(each) for each in fields):
            raise ValueError(f"the scope {scope!r} must be a list of fields such as 'Market.name' or 'Market.*'")
        scopes[scope] = tuple(fields)
    return scopes


def _is_field(text: str) -> bool:
    type_name, _, field = text.partition(".")
    return type_name.isidentifier() and (field == "*" or field.isidentifier())


def _parse_range(where: str, value: object) -> VariableRange:
    members = _require_table(where, value)
    _refuse_unknown_members(members, _RANGE_MEMBERS, where)
    for name in ("at_least", "at_most"):
        if name in members and (isinstance(members[name], bool) or not isinstance(members[name], int | float)):
            raise ValueError(f"'{where}.{name}' must be a number")
    if "most_items" in members and not _is_count(members["most_items"]):
        raise ValueError(f"'{where}.most_items' must be a count")
    one_of = members.get("one_of")
    if one_of is not None and not (
        isinstance(one_of, list) and all(isinstance(each, str | int | float) for each in one_of)
    ):
        raise ValueError(f"'{where}.one_of' must be a list of texts and numbers")
    return VariableRange(**{**members, **({} if one_of is None else {"one_of": tuple(one_of)})})


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require_table(what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a table")  # noqa: TRY004 - one kind of fault for the whole file
    return value


def _refuse_unknown_members(members: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(members) - known)
    if unknown:
        raise ValueError(f"{where} has no member {unknown[0]!r}; known are {', '.join(sorted(known))}")
