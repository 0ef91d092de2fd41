"""A browser and an application that sign people in at the city's OpenID provider, over real HTTP."""

import base64
import hashlib
import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet

from sandbox.issuer.clients import derive_client_secret
from tests.sandbox.agency_requests import FORM, AgencyAnswer, ask
from tests.sandbox_agencies import HOST, RunningAgency

CALLBACK = "http://127.0.0.1:8123/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Both as in RFC 7636, appendix B."""
AUTHORIZATION_REQUEST = {
    "response_type": "code",
    "client_id": "city-app",
    "redirect_uri": CALLBACK,
    "scope": "openid profile",
    "state": "a state <&>",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
SITI = {"person": "siti", "acr": "substantial", "decision": "allow"}


class SignInForm(HTMLParser):
    """The form of a page: its target, its hidden values, its choices, and the selected ones."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.checked: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.action = values["action"]
        if tag == "input" and values.get("type") == "hidden":
            self.hidden[values["name"]] = values["value"]
        if tag == "input" and values.get("type") == "radio":
            self.choices.setdefault(values["name"], []).append(values["value"])
            if "checked" in values:
                self.checked[values["name"]] = values["value"]


@dataclass(slots=True)
class ProviderBrowser:
    """Stores cookies and follows no redirects."""

    provider: RunningAgency
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, parameters: Mapping[str, str]) -> AgencyAnswer:
        return self._send("GET", f"{path}?{urlencode(parameters)}", None)

    def post(self, path: str, parameters: Mapping[str, str]) -> AgencyAnswer:
        return self._send("POST", path, urlencode(parameters).encode())

    def open_sign_in_page(self, **overrides: str) -> AgencyAnswer:
        """The sign-in page of `AUTHORIZATION_REQUEST`, with changed parameters."""
        return self.get("/authorize", {**AUTHORIZATION_REQUEST, **overrides})

    def submit(self, page: AgencyAnswer, chosen: Mapping[str, str]) -> AgencyAnswer:
        """Submit the page's form with a person's choices."""
        form = SignInForm(page.body.decode())
        return self.post(form.action, {**form.hidden, **chosen})

    def _send(self, method: str, path: str, body: bytes | None) -> AgencyAnswer:
        headers = {"Content-Type": FORM} if body is not None else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = ask(self.provider, method, path, body=body, headers=headers)
        if cookie := answer.headers.get("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def redirect_parameters(answer: AgencyAnswer) -> dict[str, str]:
    """The parameters of the redirect to the application."""
    assert answer.status == http.client.SEE_OTHER, (answer.status, answer.body)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def obtain_code(provider: RunningAgency, chosen: Mapping[str, str] = SITI, **overrides: str) -> str:
    """A code of a person who signed in on the page."""
    browser = ProviderBrowser(provider)
    return redirect_parameters(browser.submit(browser.open_sign_in_page(**overrides), chosen))["code"]


def request_token(provider: RunningAgency, basic: tuple[str, str] | None = None, /, **form: str) -> AgencyAnswer:
    """Send a token request, with a Basic header if id and secret are given."""
    headers = {"Content-Type": FORM}
    if basic is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(basic).encode()).decode()}"
    return ask(provider, "POST", "/token", body=urlencode(form).encode(), headers=headers)


def exchange_code(provider: RunningAgency, code: str, **form: str) -> AgencyAnswer:
    """Redeem a code, by default as the city's app."""
    usual = {"client_id": "city-app", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return request_token(provider, **{"grant_type": "authorization_code", "code": code, **usual, **form})


def sign_in(provider: RunningAgency, chosen: Mapping[str, str] = SITI, **overrides: str) -> dict[str, Any]:
    """All tokens of a person who signed in to the city's app."""
    answer = exchange_code(provider, obtain_code(provider, chosen, **overrides))
    assert answer.status == http.client.OK, answer.body
    tokens: dict[str, Any] = answer.json
    return tokens


def client_credentials(provider: RunningAgency, client_id: str) -> tuple[str, str]:
    """An application's id and secret."""
    return client_id, derive_client_secret(client_id, provider.secret)


def request_client_token(provider: RunningAgency, client_id: str, **form: str) -> AgencyAnswer:
    """An application's request for its own token."""
    return request_token(provider, client_credentials(provider, client_id), grant_type="client_credentials", **form)


def verify_token(provider: RunningAgency, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, verified with the provider's published keys."""
    keys = KeySet.import_key_set(ask(provider, "GET", "/jwks").json)
    decoded = jwt.decode(text, keys, algorithms=["ES256"])
    return dict(decoded.header), dict(decoded.claims)


def issuer_url(provider: RunningAgency) -> str:
    return f"http://{HOST}:{provider.port}"


def call_control(provider: RunningAgency, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Call the control port."""
    with closing(http.client.HTTPConnection(HOST, provider.control_port, timeout=5)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return json.loads(answer.read())


def compute_challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
