"""The registered applications of the city's OpenID provider: apps of people, partners, systems of agencies."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

PERSON_KINDS = frozenset(
    {"citizen", "business", "official", "supervisor", "steward", "auditor", "protection-officer", "operator"}
)
"""The kinds of callers that sign in; `partner` and `agency-system` are applications with their own credentials."""
_OVERSEERS = frozenset({"supervisor", "auditor", "protection-officer"})
_LOOPBACK_URI = re.compile(r"(http://127\.0\.0\.1):\d{1,5}(/.*)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """One application.

    `kind` is the kind in its own tokens; None for an app in which people sign in. Such an app has `redirect_uris`, and
    `person_kinds` are the kinds of callers it is for. A `public` one has no secret, because it cannot protect one.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    kind: str | None = None
    agency: str | None = None
    public: bool = False
    redirect_uris: tuple[str, ...] = ()
    logout_uris: tuple[str, ...] = ()
    person_kinds: frozenset[str] = frozenset()

    @property
    def grants(self) -> tuple[str, ...]:
        """The grant types that it may use."""
        if self.kind is not None:
            return ("client_credentials",)
        return ("authorization_code", "refresh_token") if "offline_access" in self.scopes else ("authorization_code",)

    def may_redirect_to(self, uri: str) -> bool:
        """Whether people may be redirected there: only to an address that matches a registered one exactly.

        On loopback addresses the port is free, because programs get a random port (RFC 8252, section 7.3).
        """
        return _is_registered(uri, self.redirect_uris)

    def may_log_out_to(self, uri: str) -> bool:
        """Whether people may be redirected there after sign-out; matched in the same way."""
        return _is_registered(uri, self.logout_uris)


_APPS = (
    RegisteredClient(
        id="city-app",
        name="The city's app",
        public=True,
        scopes=("openid", "profile", "offline_access"),
        redirect_uris=("http://127.0.0.1/callback", "id.go.jakarta.sandbox:/callback"),
        logout_uris=("http://127.0.0.1/signed-out",),
        person_kinds=frozenset({"citizen", "business"}),
    ),
    RegisteredClient(
        id="graphiql",
        name="GraphiQL",
        public=True,
        scopes=("openid", "profile"),
        redirect_uris=("http://127.0.0.1/graphiql",),
        logout_uris=("http://127.0.0.1/graphiql",),
        person_kinds=PERSON_KINDS,
    ),
    RegisteredClient(
        id="audit-console",
        name="The auditor's console",
        scopes=("openid", "profile", "offline_access"),
        redirect_uris=("http://127.0.0.1/console/callback",),
        logout_uris=("http://127.0.0.1/console",),
        person_kinds=_OVERSEERS,
    ),
    RegisteredClient(
        id="simpul-pages",
        name="the hub's own pages, where people see who may read their data",
        scopes=("openid",),
        redirect_uris=("http://127.0.0.1/sign-in/callback",),
        logout_uris=("http://127.0.0.1/signed-out",),
        person_kinds=frozenset({"citizen"}),
    ),
)
_PARTNERS = (
    RegisteredClient(
        id="kredit-nusantara",
        name="Kredit Nusantara, a credit company",
        kind="partner",
        scopes=("identity", "tax", "msmes", "regions:read"),
    ),
    RegisteredClient(
        id="pantau-kota",
        name="Pantau Kota, a civil society organisation",
        kind="partner",
        scopes=("complaints:read", "prices:read"),
    ),
    RegisteredClient(
        id="beasiswa-jaya",
        name="Beasiswa Jaya, a scholarship foundation",
        kind="partner",
        scopes=("education",),
    ),
)
_SYSTEMS = (
    RegisteredClient(
        id="crm-dispatch",
        name="Dispatch of the complaint desk",
        kind="agency-system",
        agency="crm",
        scopes=("complaints:read", "population:read"),
    ),
    RegisteredClient(
        id="dinkes-registry",
        name="Patient registry of the health office",
        kind="agency-system",
        agency="dinkes",
        scopes=("population:read",),
    ),
)
CLIENTS = {client.id: client for client in (*_APPS, *_PARTNERS, *_SYSTEMS)}
"""All applications by `client_id`."""


def derive_client_secret(client_id: str, provider_secret: str) -> str:
    """The secret of a confidential application, derived from the provider's secret so that it is stored nowhere."""
    digest = hmac.digest(provider_secret.encode(), f"client {client_id}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _is_registered(uri: str, registered: tuple[str, ...]) -> bool:
    here = _LOOPBACK_URI.fullmatch(uri)
    return uri in registered or (here is not None and here[1] + here[2] in registered)
