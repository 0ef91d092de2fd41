"""The pages of the OpenID provider: plain HTML that works without scripts, by keyboard and with a screen reader."""

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response

from sandbox.issuer.authorization_request import AuthorizationRequest
from sandbox.issuer.people import SignInPerson, list_people
from sandbox.issuer.tokens import ACR_LEVELS

OTHER_PERSON = "another"
"""The choice of a resident who is not listed."""

_LEVEL_LABELS = {
    "low": "by your own statement",
    "substantial": "by your identity card, which was inspected",
    "high": "by your identity card and your face",
}
_SCOPE_LABELS = {
    "openid": "who you are: a name that only the city understands, and how you were identified",
    "profile": "your name",
    "offline_access": "that it stays signed in for 8 hours while you are away",
}
STYLE = """
:root { color-scheme: light dark; --line: light-dark(#767676, #8c8c8c); --mark: light-dark(#0b57d0, #a8c7fa);
  --wrong: light-dark(#b3261e, #f2b8b5); }
body { margin: 0; font: 1.0625rem/1.5 system-ui, sans-serif; background: light-dark(#f6f7f9, #16181c); }
main { box-sizing: border-box; max-width: 44rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.1rem; margin: 0; }
fieldset { margin: 1.25rem 0; padding: .5rem 1rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: light-dark(#fff, #1f2227); }
legend { padding: 0 .4rem; font-weight: 600; }
.choice { display: flex; gap: .7rem; align-items: flex-start; padding: .4rem 0; }
.choice input { flex: none; width: 1.15rem; height: 1.15rem; margin: .2rem 0 0; accent-color: var(--mark); }
.choice small { display: block; font-size: .9rem; }
.number { display: block; margin: .25rem 0 0 1.85rem; }
.number input { font: inherit; width: 12rem; max-width: 100%; padding: .3rem .5rem; border: 1px solid var(--line);
  border-radius: .3rem; }
button { font: inherit; padding: .6rem 1.2rem; margin: 0 .6rem .6rem 0; border: 2px solid var(--mark);
  border-radius: .4rem; background: transparent; color: inherit; cursor: pointer; }
button.first { background: var(--mark); color: light-dark(#fff, #062e6f); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.number small { display: block; font-size: .9rem; }
.wrong { border: 2px solid var(--wrong); border-radius: .5rem; padding: .75rem 1rem; }
.note { border-left: 4px solid var(--line); padding-left: .8rem; }
"""
"""Served as a file, so that the pages' content policy allows no inline style."""


def render_sign_in_page(
    request: AuthorizationRequest, sealed: str, *, wrong: str = "", chosen: Mapping[str, str] | None = None
) -> Response:
    """The page on which a person chooses an identity and allows or refuses the application.

    `wrong` is the error of the previous submission, `chosen` its choices.
    """
    client = escape(request.client.name)
    known = chosen or {"person": request.login_hint or "", "acr": _preselect_level(request.acr_values)}
    people = [person for person in list_people().values() if person.kind in request.client.person_kinds]
    body = f"""
<h1>Sign in to the sandbox city</h1>
{f'<p class="wrong" role="alert" id="wrong">{escape(wrong)}</p>' if wrong else ""}
<p>You come from <strong>{client}</strong>. If you sign in, it learns:</p>
<ul>{"".join(f"<li>{escape(_SCOPE_LABELS[scope])}</li>" for scope in request.scopes)}</ul>
<p>It also gets a token to use the city's hub in your name. The application can read your number (NIK or NIB), or your
office and role, in the token.</p>
<p class="note">These people are not real: sign in as any of them, without a password.</p>
<form method="post" action="/sign-in">
<input type="hidden" name="request" value="{escape(sealed)}">
<fieldset><legend>Who are you?</legend>
{"".join(_person_choice(person, known) for person in people)}
{_other_person_choice(known, wrong=bool(wrong)) if "citizen" in request.client.person_kinds else ""}
</fieldset>
<fieldset><legend>How were you identified?</legend>
{"".join(_level_choice(level, known) for level in ACR_LEVELS)}
</fieldset>
<button class="first" name="decision" value="allow">Sign in and allow</button>
<button name="decision" value="deny" formnovalidate>Do not sign in</button>
</form>"""
    title = f"{'Not signed in yet: ' if wrong else ''}Sign in to the sandbox city"
    return _render_page(title, body, status=400 if wrong else 200, sends_to=request.redirect_uri)


def render_message_page(title: str, text: str, *, status: int = 200) -> Response:
    """A page with a message only."""
    return _render_page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>", status=status)


def _person_choice(person: SignInPerson, known: Mapping[str, str]) -> str:
    words = f"{escape(person.name)} <small>{escape(person.description)}</small>"
    return _radio_button("person", person.key, words, checked=known.get("person") == person.key)


def _other_person_choice(known: Mapping[str, str], *, wrong: bool) -> str:
    value = escape(known.get("nik", ""))
    chosen = known.get("person") == OTHER_PERSON
    problem = ' aria-invalid="true" aria-describedby="nik-says wrong"' if wrong and chosen else ""
    words = "Another resident <small>by their identity number (NIK)</small>"
    return f"""{_radio_button("person", OTHER_PERSON, words, checked=chosen)}
<span class="number"><label for="nik">NIK</label>
<input id="nik" name="nik" inputmode="numeric" autocomplete="off" maxlength="16" value="{value}"
{problem or 'aria-describedby="nik-says"'}>
<small id="nik-says">16 digits, of a person of 17 years or more; only for another resident</small></span>"""


def _level_choice(level: str, known: Mapping[str, str]) -> str:
    words = f"{level.capitalize()} <small>{_LEVEL_LABELS[level]}</small>"
    return _radio_button("acr", level, words, checked=known.get("acr") == level)


def _radio_button(name: str, value: str, words: str, *, checked: bool) -> str:
    """A radio button whose label is the whole row."""
    mark = " checked" if checked else ""
    return (
        f'<label class="choice"><input type="radio" name="{name}" value="{escape(value)}" required{mark}>'
        f"<span>{words}</span></label>"
    )


def _preselect_level(levels: Iterable[str]) -> str:
    return next((level for level in levels if level in ACR_LEVELS), "substantial")


def _render_page(title: str, body: str, *, status: int, sends_to: str = "") -> Response:
    """A complete page. `sends_to` is the final target of its form, which the content policy must name."""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/sign-in.css"></head><body><main>{body}</main></body></html>'
    )
    to = urlsplit(sends_to)
    origin = f" {to.scheme}:{f'//{to.netloc}' if to.netloc else ''}" if to.scheme else ""
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self'{origin}; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return HTMLResponse(html, status_code=status, headers=headers)
