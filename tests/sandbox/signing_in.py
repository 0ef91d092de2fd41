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

from sandbox.issuer_clients import client_secret
from tests.city import HOST, RunningAgency
from tests.sandbox.asking import FORM, Answer, ask

CALLBACK = "http://127.0.0.1:8123/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Both as in RFC 7636, appendix B."""
ASKED = {
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


class Form(HTMLParser):
    """The form of a page: where it goes, its hidden values, its choices, and what of them is chosen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.checked: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.action = given["action"]
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[given["name"]] = given["value"]
        if tag == "input" and given.get("type") == "radio":
            self.choices.setdefault(given["name"], []).append(given["value"])
            if "checked" in given:
                self.checked[given["name"]] = given["value"]


@dataclass(slots=True)
class Browser:
    """Keeps cookies, follows nothing."""

    provider: RunningAgency
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, parameters: Mapping[str, str]) -> Answer:
        return self._asked("GET", f"{path}?{urlencode(parameters)}", None)

    def post(self, path: str, parameters: Mapping[str, str]) -> Answer:
        return self._asked("POST", path, urlencode(parameters).encode())

    def page(self, **asked: str) -> Answer:
        """The sign-in page of `ASKED`, with other parameters where they are given."""
        return self.get("/authorize", {**ASKED, **asked})

    def submit(self, page: Answer, chosen: Mapping[str, str]) -> Answer:
        """The page's form, sent as a person chose."""
        form = Form(page.body.decode())
        return self.post(form.action, {**form.hidden, **chosen})

    def _asked(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Content-Type": FORM} if body is not None else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = ask(self.provider, method, path, body=body, headers=headers)
        if cookie := answer.headers.get("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def told(answer: Answer) -> dict[str, str]:
    """What an application is told by the address that the browser is sent to."""
    assert answer.status == http.client.SEE_OTHER, (answer.status, answer.body)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def code_of(provider: RunningAgency, chosen: Mapping[str, str] = SITI, **asked: str) -> str:
    """A code for somebody who signed in by the page."""
    browser = Browser(provider)
    return told(browser.submit(browser.page(**asked), chosen))["code"]


def token(provider: RunningAgency, basic: tuple[str, str] | None = None, /, **form: str) -> Answer:
    """A request for tokens, with id and secret in a Basic header where they are given."""
    headers = {"Content-Type": FORM}
    if basic is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(basic).encode()).decode()}"
    return ask(provider, "POST", "/token", body=urlencode(form).encode(), headers=headers)


def exchanged(provider: RunningAgency, code: str, **form: str) -> Answer:
    """A request for the tokens behind a code, by the city's app unless told otherwise."""
    usual = {"client_id": "city-app", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return token(provider, **{"grant_type": "authorization_code", "code": code, **usual, **form})


def signed_in(provider: RunningAgency, chosen: Mapping[str, str] = SITI, **asked: str) -> dict[str, Any]:
    """All tokens of somebody who signed in to the city's app."""
    answer = exchanged(provider, code_of(provider, chosen, **asked))
    assert answer.status == http.client.OK, answer.body
    tokens: dict[str, Any] = answer.json
    return tokens


def secret_of(provider: RunningAgency, client_id: str) -> tuple[str, str]:
    """An application's id and secret."""
    return client_id, client_secret(client_id, provider.secret)


def by_itself(provider: RunningAgency, client_id: str, **form: str) -> Answer:
    """A request of an application for a token of its own."""
    return token(provider, secret_of(provider, client_id), grant_type="client_credentials", **form)


def proven(provider: RunningAgency, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, checked by the keys that the provider publishes."""
    keys = KeySet.import_key_set(ask(provider, "GET", "/jwks").json)
    decoded = jwt.decode(text, keys, algorithms=["ES256"])
    return dict(decoded.header), dict(decoded.claims)


def issuer_of(provider: RunningAgency) -> str:
    return f"http://{HOST}:{provider.port}"


def press(provider: RunningAgency, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """A button of the control port."""
    with closing(http.client.HTTPConnection(HOST, provider.control_port, timeout=5)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return json.loads(answer.read())


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
