"""Callers from claims, in the hub's words and in an issuer's own."""

from dataclasses import replace
from typing import Any

import pytest

from auth.caller import STAFF_KINDS, Assurance, Caller, CallerKind, Representation
from auth.tokens.caller_claims import IssuerNotAuthorized, build_caller, get_certificate_thumbprint
from auth.tokens.issuers import ClaimNames, Issuer
from records.hub.clients import ClientId
from records.identifiers import Nik
from tests.auth.callers import BUDI, CALLERS, SITI
from tests.fakes.clients import build_client

EVERY: dict[str, Any] = {
    "name": "development",
    "url": "https://masuk.example",
    "audience": "hub",
    "kinds": [each.value for each in CallerKind],
    "first_party": ["desk"],
}
CITIZEN = {"sub": "siti", "kind": "citizen", "nik": str(SITI)}
OFFICIAL = {"sub": "rina", "kind": "official", "agency": "dukcapil", "azp": "desk"}
SYSTEM = {"sub": "siak", "client_id": "siak", "kind": "agency-system", "agency": "dukcapil"}
PARTNER = {"sub": "bank", "client_id": "bank", "kind": "partner"}
BANK = {"bank": {"kind": "partner"}}


def issuer(**more: object) -> Issuer:
    return Issuer.model_validate(EVERY | more)


def build(claims: dict[str, Any], /, **entry: object) -> Caller:
    return build_caller(claims, issuer(**entry))


def assert_refused(claims: dict[str, Any], /, **entry: object) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        build(claims, **entry)
    assert SITI not in str(refusal.value)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (CITIZEN, Caller(kind=CallerKind.CITIZEN, nik=SITI, subject="https://masuk.example siti")),
        (
            {"sub": "u-1", "kind": "business", "nib": "9120001234567"},
            Caller(kind=CallerKind.BUSINESS, nib="9120001234567", subject="https://masuk.example u-1"),
        ),
        (
            OFFICIAL | {"unit": "Seksi Penagihan", "role": "registrar"},
            Caller(
                kind=CallerKind.OFFICIAL,
                agency="dukcapil",
                unit="Seksi Penagihan",
                role="registrar",
                client=build_client("desk"),
                subject="https://masuk.example rina",
            ),
        ),
        (
            PARTNER | {"scope": "verify prices", "purpose": "kyc", "case": "K-7/2026"},
            Caller(
                kind=CallerKind.PARTNER,
                client=build_client("bank"),
                scopes=frozenset({"verify", "prices"}),
                purpose="kyc",
                case="K-7/2026",
                subject="https://masuk.example bank",
            ),
        ),
        (
            SYSTEM | {"scope": ["read"]},
            Caller(
                kind=CallerKind.AGENCY_SYSTEM,
                client=build_client("siak"),
                agency="dukcapil",
                scopes=frozenset({"read"}),
                subject="https://masuk.example siak",
            ),
        ),
        (
            {"sub": "ratna", "kind": "auditor", "role": "auditor", "client_id": "desk"},
            Caller(
                kind=CallerKind.AUDITOR,
                role="auditor",
                client=build_client("desk"),
                subject="https://masuk.example ratna",
            ),
        ),
    ],
)
def test_claims_name_a_caller(claims: dict[str, Any], expected: Caller) -> None:
    assert build(claims) == expected


def test_a_kind_that_is_not_in_the_issuers_entry_is_refused() -> None:
    assert_refused(OFFICIAL, kinds=["citizen"])
    assert_refused({"sub": "x", "kind": "anonymous"}, kinds=["citizen"])


def test_an_issuers_own_words_for_kinds_replace_the_hubs() -> None:
    words = {"ASN": "official", "citizen": "official"}
    assert build(OFFICIAL | {"kind": "ASN"}, kind_values=words).kind is CallerKind.OFFICIAL
    assert build(OFFICIAL | {"kind": "citizen"}, kind_values=words).kind is CallerKind.OFFICIAL
    assert_refused(OFFICIAL, kind_values=words)


def test_claims_may_have_other_names() -> None:
    names = {"kind": "jenis", "nik": "https://kota.example/nik", "scopes": "scp", "client": "app"}
    found = build(
        {
            "sub": "s",
            "jenis": "citizen",
            "https://kota.example/nik": str(SITI),
            "scp": ["a"],
            "app": "jaki",
            "azp": "no",
        },
        claims=names,
    )
    assert (found.nik, found.scopes, found.client) == (SITI, frozenset({"a"}), build_client("jaki"))


KEYCLOAK: dict[str, Any] = {
    "claims": {
        "kind": ["realm_access", "roles"],
        "role": ["resource_access", "simpul", "roles"],
        "agency": ["attributes", "opd", 0],
        "nik": "https://kota.example/v1.0/nik",
    },
    "kind_values": {"pegawai": "official", "asn": "official", "auditor-kota": "auditor"},
    "roles": ["registrar", "tax-officer"],
    "kind_of_people": "citizen",
}
RINA: dict[str, Any] = {
    "sub": "7f0c",
    "azp": "desk",
    "realm_access": {"roles": ["offline_access", "default-roles-asn", "pegawai"]},
    "resource_access": {"account": {"roles": ["view-profile"]}, "simpul": {"roles": ["view", "registrar"]}},
    "attributes": {"opd": ["dukcapil"]},
}


def test_claims_may_be_nested_and_kind_and_role_may_be_in_a_list_of_roles() -> None:
    found = build(RINA, **KEYCLOAK)
    assert (found.kind, found.agency, found.role, found.client) == (
        CallerKind.OFFICIAL,
        "dukcapil",
        "registrar",
        build_client("desk"),
    )


FOREIGN = {CallerKind(kind): f"peran-{kind}" for kind in (each.value for each in CallerKind)}
"""An issuer's own words, one for each kind."""


@pytest.mark.parametrize("name", [name for name in CALLERS if name != "anonymous"])
def test_every_kind_of_caller_can_be_expressed_in_an_issuers_own_words_and_paths(name: str) -> None:
    expected = CALLERS[name]
    uses_own_app = expected.first_party or expected.kind in STAFF_KINDS
    client = build_client("app") if uses_own_app else expected.client
    entry = {
        "claims": {each: ["kota", each] for each in ClaimNames.model_fields if each != "kind"}
        | {"kind": ["realm_access", "roles"]},
        "kind_values": {word: kind.value for kind, word in FOREIGN.items()},
        "assurance": {"2": "substantial"},
        "first_party": ["app"],
    }
    claims = {
        "sub": "x",
        "realm_access": {"roles": ["offline_access", FOREIGN[expected.kind]]},
        "acr": "2" if expected.assurance else "1",
        "kota": {
            "nik": expected.nik,
            "nib": expected.nib,
            "agency": expected.agency,
            "client": None if client is None else client.name,
            "scopes": sorted(expected.scopes),
            "purpose": expected.purpose,
            "case": expected.case,
            "on_behalf_of": expected.on_behalf_of,
        },
    }
    assert build(claims, **entry) == replace(expected, subject="https://masuk.example x", client=client)


@pytest.mark.parametrize(
    ("client", "first_party"),
    [("city-app", True), ("CITY-APP", False), ("city-app ", False), ("other", False), ("*", False), (None, False)],
)
def test_the_citys_own_apps_match_the_entry_exactly(client: str | None, *, first_party: bool) -> None:
    claims = CITIZEN if client is None else CITIZEN | {"client_id": client}
    assert build(claims, first_party=["city-app"]).first_party is first_party
    assert build(claims).first_party is False


@pytest.mark.parametrize("client", ["wallet", "DESK", "desk ", None])
@pytest.mark.parametrize("kind", sorted(each.value for each in STAFF_KINDS))
def test_people_who_act_for_the_city_act_through_its_own_apps_only(kind: str, client: str | None) -> None:
    claims = {"sub": "rina", "kind": kind} | ({"client_id": client} if client else {})
    claims |= {"agency": "dukcapil"} if kind in {"official", "supervisor"} else {}
    with pytest.raises(IssuerNotAuthorized, match="'client_id' names no app of the city"):
        build(claims)


def test_only_citizens_have_first_party_apps() -> None:
    assert build(OFFICIAL | {"client_id": "city-app", "auth_time": 5}, first_party=["city-app"]).first_party is False


@pytest.mark.parametrize(
    ("moment", "read"),
    [
        (1_700_000_000, 1_700_000_000.0),
        (1_700_000_000.5, 1_700_000_000.5),
        (None, None),
        ("1700000000", None),
        (True, None),
        (0, None),
        (-1, None),
        ([1_700_000_000], None),
        ({"at": 1}, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
    ],
    ids=repr,
)
def test_the_authentication_time_is_a_positive_number_or_absent(moment: object, read: float | None) -> None:
    assert build(CITIZEN | {"auth_time": moment}).authenticated_at == read


@pytest.mark.parametrize(
    "scope",
    [
        "citizen:tax\tcitizen:health",
        "citizen:tax\u00a0citizen:health",
        "citizen:tax\ncitizen:health",
        ["citizen:tax citizen:health"],
    ],
)
def test_only_spaces_separate_scopes(scope: object) -> None:
    assert_refused(CITIZEN | {"scope": scope})
    assert build(CITIZEN | {"scope": " citizen:tax  citizen:health "}).scopes == {"citizen:tax", "citizen:health"}


def test_the_table_covers_every_kind_of_caller() -> None:
    assert {each.kind for each in CALLERS.values()} == set(CallerKind)
    assert {each.representation for each in CALLERS.values()} == set(Representation)


def test_a_claim_name_with_dots_and_slashes_is_not_split() -> None:
    citizen = {"sub": "1", "https://kota.example/v1.0/nik": str(SITI)}
    assert build(citizen, **KEYCLOAK).nik == SITI
    assert_refused({"sub": "1", "https://kota": {"example/v1": {"0/nik": str(SITI)}}}, **KEYCLOAK)
    dotted = {"claims": {"nik": "realm.nik"}}
    assert build({"sub": "1", "kind": "citizen", "realm.nik": str(SITI)}, **dotted).nik == SITI
    assert_refused({"sub": "1", "kind": "citizen", "realm": {"nik": str(SITI)}}, **dotted)


@pytest.mark.parametrize("roles", [{}, {"roles": []}, {"roles": None}, None, {"roles": ["offline_access", "PEGAWAI"]}])
def test_a_list_of_roles_without_a_known_word_names_no_kind(roles: object) -> None:
    citizen = {"sub": "1", "https://kota.example/v1.0/nik": str(SITI), "realm_access": roles}
    assert build(citizen, **KEYCLOAK).kind is CallerKind.CITIZEN
    assert_refused(citizen, **{name: value for name, value in KEYCLOAK.items() if name != "kind_of_people"})


def test_two_words_for_one_kind_are_accepted_and_two_kinds_are_refused() -> None:
    both = RINA | {"realm_access": {"roles": ["pegawai", "asn"]}}
    assert build(both, **KEYCLOAK).kind is CallerKind.OFFICIAL
    assert_refused(RINA | {"realm_access": {"roles": ["pegawai", "auditor-kota"]}}, **KEYCLOAK)
    assert_refused(RINA | {"resource_access": {"simpul": {"roles": ["registrar", "tax-officer"]}}}, **KEYCLOAK)


def test_a_list_is_refused_unless_the_entry_names_its_known_words() -> None:
    assert_refused(OFFICIAL | {"kind": ["official"]})
    assert_refused(OFFICIAL | {"role": ["registrar"]})
    assert build(OFFICIAL | {"role": ["registrar"]}, roles=["registrar"]).role == "registrar"
    assert build(OFFICIAL | {"role": "anything"}, roles=["registrar"]).role == "anything"
    assert_refused(OFFICIAL | {"agency": ["dukcapil"]})


def test_an_index_beyond_a_list_is_an_absent_claim() -> None:
    assert_refused(RINA | {"attributes": {"opd": []}}, **KEYCLOAK)  # an official needs an agency
    assert build(RINA | {"attributes": {"opd": ["dukcapil", "pbb"]}}, **KEYCLOAK).agency == "dukcapil"


@pytest.mark.parametrize(
    "more",
    [
        {"realm_access": "pegawai"},
        {"realm_access": ["pegawai"]},
        {"realm_access": {"roles": "pegawai auditor-kota"}},
        {"realm_access": {"roles": {"pegawai": True}}},
        {"realm_access": {"roles": ["pegawai", {"$ne": None}]}},
        {"realm_access": {"roles": [["pegawai"]]}},
        {"realm_access": {"roles": ["pegawai", 1]}},
        {"realm_access": {"roles": True}},
        {"realm_access": 1},
        {"resource_access": {"simpul": ["registrar"]}},
        {"resource_access": {"simpul": {"roles": "registrar\n"}}},
        {"attributes": {"opd": "dukcapil"}},
        {"attributes": {"opd": {"0": "dukcapil"}}},
        {"attributes": {"opd": [["dukcapil"]]}},
        {"attributes": {"opd": [{"name": "dukcapil"}]}},
        {"attributes": {"opd": [5]}},
    ],
)
def test_another_type_on_the_path_to_a_claim_is_refused(more: dict[str, Any]) -> None:
    assert_refused(RINA | more, **KEYCLOAK)


def test_the_entry_gives_the_kind_of_a_token_without_one() -> None:
    own = {"sub": "bank", "client_id": "bank"}
    assert_refused(own)
    assert_refused({"sub": "siti", "client_id": "app", "nik": str(SITI)})
    entry = {"clients": BANK, "kind_of_people": "citizen"}
    assert build(own, **entry).kind is CallerKind.PARTNER
    assert build({"sub": "siti", "client_id": "app", "nik": str(SITI)}, **entry).kind is CallerKind.CITIZEN
    assert_refused({"sub": "bank", "client_id": "app"}, **entry)  # a person whose name is a client's id is no client


def test_a_client_may_be_listed_with_its_agency() -> None:
    entry = {"clients": BANK | {"siak": {"kind": "agency-system", "agency": "dukcapil"}}}
    found = build({"sub": "siak", "client_id": "siak"}, **entry)
    assert (found.kind, found.agency) == (CallerKind.AGENCY_SYSTEM, "dukcapil")
    assert build({"sub": "bank", "client_id": "bank"}, **entry).kind is CallerKind.PARTNER
    assert_refused(SYSTEM | {"agency": "pbb"}, **entry)


def test_the_subject_may_be_the_identity_number() -> None:
    entry = {"claims": {"nik": "sub"}, "clients": BANK, "kind_of_people": "citizen"}
    assert build({"sub": str(SITI), "client_id": "app"}, **entry).nik == SITI
    assert build({"sub": "bank", "client_id": "bank"}, **entry).nik is None
    assert_refused({"sub": "siti", "client_id": "app"}, **entry)


@pytest.mark.parametrize(
    ("acr", "level"),
    [
        ("low", Assurance.LOW),
        ("substantial", Assurance.SUBSTANTIAL),
        ("http://eidas.europa.eu/LoA/high", Assurance.HIGH),
        ("HIGH", Assurance.NONE),
        ("3", Assurance.NONE),
        (3, Assurance.NONE),
        (["high"], Assurance.NONE),
        (None, Assurance.NONE),
    ],
)
def test_acr_determines_the_assurance(acr: object, level: Assurance) -> None:
    assert build(CITIZEN | {"acr": acr}).assurance is level


def test_an_entrys_meanings_of_acr_replace_the_default_ones() -> None:
    entry = {"assurance": {"2": "substantial"}}
    assert build(CITIZEN | {"acr": "2"}, **entry).assurance is Assurance.SUBSTANTIAL
    assert build(CITIZEN | {"acr": "high"}, **entry).assurance is Assurance.NONE


def test_an_assistant_acts_for_another() -> None:
    own = build(CITIZEN | {"on_behalf_of": str(BUDI)})
    assert (own.nik, own.on_behalf_of, own.representation) == (SITI, BUDI, Representation.ASSISTANT)
    assert build(CITIZEN | {"on_behalf_of": str(BUDI), "act": {"sub": "siti"}}) == own


def test_a_delegation_is_about_the_person_and_names_the_actor() -> None:
    found = build({"sub": "budi", "kind": "citizen", "nik": str(BUDI), "act": {"sub": "siti", "nik": str(SITI)}})
    assert (found.nik, found.on_behalf_of, found.subject) == (SITI, BUDI, "https://masuk.example siti")


@pytest.mark.parametrize(
    "more",
    [
        {"act": {"sub": "siti"}},
        {"act": {}},
        {"act": "siti"},
        {"act": {"sub": "siti", "nik": str(SITI)}},
        {"act": {"sub": "agus", "nik": str(BUDI), "act": {"sub": "siti"}}},
        {"act": {"sub": "agus"}, "on_behalf_of": str(BUDI)},
        {"on_behalf_of": "budi"},
        {"on_behalf_of": int(BUDI)},
    ],
)
def test_a_delegation_without_actor_or_person_is_refused(more: dict[str, Any]) -> None:
    assert_refused(CITIZEN | more)


def test_only_a_citizen_acts_for_another_person() -> None:
    assert_refused(OFFICIAL | {"on_behalf_of": str(BUDI)})
    assert_refused(PARTNER | {"on_behalf_of": str(BUDI)})


@pytest.mark.parametrize(
    "claims",
    [
        CITIZEN | {"sub": ""},
        CITIZEN | {"sub": "s" * 256},
        CITIZEN | {"sub": "si\nti"},
        CITIZEN | {"nik": Nik("317101450690000")},
        CITIZEN | {"nib": "9120001234567"},
        {"sub": "u", "kind": "business", "nib": "912000123456"},
        {"sub": "u", "kind": "business"},
        {"sub": "bank", "kind": "partner"},
        PARTNER | {"nik": str(SITI)},
        PARTNER | {"agency": "dukcapil"},
        PARTNER | {"scope": "a\x00b"},
        PARTNER | {"scope": [5]},
        PARTNER | {"scope": {"a": 1}},
        PARTNER | {"scope": " ".join(f"s{number}" for number in range(51))},
        PARTNER | {"client_id": "b\x07"},
        PARTNER | {"client_id": "b" * 101},
        PARTNER | {"client_id": 5},
        PARTNER | {"purpose": "for\nfun"},
        PARTNER | {"purpose": str(SITI)},
        PARTNER | {"purpose": ["kyc"]},
        PARTNER | {"case": ""},
        OFFICIAL | {"unit": 7},
        OFFICIAL | {"role": " "},
        OFFICIAL | {"kind": 5},
    ],
)
def test_invalid_or_contradictory_claims_are_refused(claims: dict[str, Any]) -> None:
    assert_refused(claims)


def test_a_token_may_be_bound_to_a_certificate_by_its_thumbprint() -> None:
    assert get_certificate_thumbprint({}) is None
    assert get_certificate_thumbprint({"cnf": {"x5t#S256": "A" * 43}}) == "A" * 43


@pytest.mark.parametrize(
    "cnf",
    [
        None,
        {},
        "x",
        [],
        {"jkt": "A" * 43},
        {"x5t#S256": "A" * 43, "jkt": "A" * 43},
        {"x5t#S256": "A" * 42},
        {"x5t#S256": "A" * 43 + "="},
        {"x5t#S256": None},
        {"x5t#S256": ["A" * 43]},
    ],
)
def test_a_token_that_is_bound_in_another_way_is_refused(cnf: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        get_certificate_thumbprint({"cnf": cnf})


HEALTH: dict[str, Any] = {
    "name": "dinkes",
    "kinds": ["official", "supervisor", "partner", "agency-system"],
    "agencies": ["dinkes", "puskesmas"],
    "clients": {"dinkes-registry": {"kind": "agency-system", "agency": "dinkes"}, "klinik": {"kind": "partner"}},
}
"""A health office's provider."""
REGISTRY = {"sub": "dinkes-registry", "client_id": "dinkes-registry", "kind": "agency-system"}


def test_an_issuer_may_issue_tokens_for_its_agencies_and_clients() -> None:
    assert build(OFFICIAL | {"agency": "puskesmas"}, **HEALTH).agency == "puskesmas"
    assert build(REGISTRY, **HEALTH).agency == "dinkes"
    assert build(REGISTRY | {"agency": "dinkes"}, **HEALTH).client == ClientId("dinkes", "dinkes-registry")
    assert build(PARTNER | {"client_id": "klinik"}, **HEALTH).client == ClientId("dinkes", "klinik")
    own = {"sub": "klinik", "client_id": "klinik"}
    assert build(own, **HEALTH).kind is CallerKind.PARTNER


@pytest.mark.parametrize(
    ("claims", "claim", "value"),
    [
        (OFFICIAL, "agency", "dukcapil"),
        (OFFICIAL | {"kind": "supervisor"}, "agency", "dukcapil"),
        (OFFICIAL | {"agency": "DINKES"}, "agency", "DINKES"),
        (OFFICIAL | {"agency": "dinkes "}, "agency", "dinkes "),
        (OFFICIAL | {"agency": "dinkes\u00a0".strip() + "\u0456"}, "agency", "dinkes\u0456"),
        (REGISTRY | {"agency": "dukcapil"}, "agency", "dukcapil"),
        (REGISTRY | {"agency": "puskesmas"}, "agency", "puskesmas"),
        (SYSTEM | {"agency": "dinkes"}, "client_id", "siak"),
        (SYSTEM, "agency", "dukcapil"),
        (REGISTRY | {"kind": "partner"}, "client_id", "dinkes-registry"),
        (PARTNER | {"client_id": "klinik", "kind": "agency-system", "agency": "dinkes"}, "client_id", "klinik"),
        (PARTNER, "client_id", "bank"),
        (PARTNER | {"client_id": "KLINIK"}, "client_id", "KLINIK"),
        (PARTNER | {"client_id": "klinik "}, "client_id", "klinik "),
        (CITIZEN, "kind", "citizen"),
        ({"sub": "x", "kind": "auditor"}, "kind", "auditor"),
    ],
)
def test_an_unauthorized_issuer_is_refused_by_the_name_of_the_claim_and_never_its_value(
    claims: dict[str, Any], claim: str, value: str
) -> None:
    with pytest.raises(IssuerNotAuthorized) as refusal:
        build(claims, **HEALTH)
    assert str(refusal.value).startswith(f"The token's claim '{claim}' names a")
    assert f"'{value}'" not in str(refusal.value)


@pytest.mark.parametrize("agency", [["dinkes"], ["dinkes", "dukcapil"], {"code": "dinkes"}, [["dinkes"]], 5, True, ""])
def test_an_agency_that_is_not_a_plain_text_is_refused(agency: object) -> None:
    assert_refused(OFFICIAL | {"agency": agency}, **HEALTH)


def test_an_agency_in_another_claim_than_in_the_entry_is_ignored() -> None:
    entry = HEALTH | {"claims": {"agency": ["attributes", "opd", 0]}}
    assert_refused(OFFICIAL | {"agency": "dinkes"}, **entry)
    with pytest.raises(IssuerNotAuthorized, match=r"^The token's claim 'attributes\.opd\.0' names an agency"):
        build(OFFICIAL | {"agency": "dinkes", "attributes": {"opd": ["dukcapil", "dinkes"]}}, **entry)


def test_a_kind_in_a_list_of_roles_must_be_among_the_issuers_kinds() -> None:
    kinds = {"kind_values": {"pegawai": "official"}, "claims": {"kind": "roles"}}
    entry, rina = HEALTH | kinds, {"sub": "r", "client_id": "desk"}
    assert build(rina | {"roles": ["pegawai", "auditor"], "agency": "dinkes"}, **entry).kind.value == "official"
    with pytest.raises(IssuerNotAuthorized):
        build(rina | {"roles": ["auditor", "pegawai"], "agency": "pbb"}, **entry)


def test_azp_names_the_client_only_if_the_entry_names_no_other_claim() -> None:
    token = {"sub": "siti", "kind": "citizen", "nik": str(SITI), "azp": "app"}
    assert build(token).client == build_client("app")
    assert build(token, claims={"client": "aplikasi"}).client is None
    assert_refused(PARTNER | {"azp": "bank", "client_id": None}, claims={"client": "aplikasi"})
