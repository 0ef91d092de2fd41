"""What is legal in the hub's settings, and unwise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from cli.settings_check.findings import Finding, FindingLevel, format_setting, variable_name
from connectors.drivers.sql.driver import get_tls_mode as agency_tls_mode
from records.database_tls import TlsMode, is_local
from settings import MAX_CONCURRENCY, Settings
from store.database import get_tls_mode
from web.settings import Exposure
from wiring.token_issuers import warn_no_first_party, warn_shared_address

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "")
_SAMPLE_PASSWORD_WORDS = (
    "rahasia",
    "secret",
    "password",
    "changeme",
    "change-me",
    "sandi",
    "example",
    "contoh",
    "test",
    "admin",
    "simpul",
)
_MIN_PASSWORD_LENGTH = 12
_MIN_ENTROPY_BITS = 4.2
"""Entropy of a byte of 32 random ones: 4.9 on average, and hardly ever below 4.5."""
_MAX_CACHE_DAYS = 3


def find_risks(settings: Settings) -> Sequence[Finding]:
    """What is to be said of settings that a hub runs with."""
    rules: Sequence[Callable[[Settings], Iterator[tuple[str, str]]]] = (
        _check_development,
        _check_callers,
        _check_listening,
        _check_recording,
        _check_secrets,
        _check_encryption,
        _check_agencies,
        _check_processes,
    )
    return [
        Finding(
            level=FindingLevel.WARNING,
            name=variable_name(field),
            value=format_setting(settings, field),
            message=message,
        )
        for rule in rules
        for field, message in rule(settings)
    ]


def _check_development(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.development:
        yield "development", "it shows the graph, and messages of errors in the log, to whoever looks: unset it"
        return
    for field in ("introspection", "graphiql"):
        if getattr(settings, field) is Exposure.ON:
            yield field, "strangers are shown the whole graph: 'signed-in' shows it to those who prove who they are"


def _check_callers(settings: Settings) -> Iterator[tuple[str, str]]:
    for warning in warn_shared_address(settings):
        yield "trusted_proxies", warning.removeprefix("SIMPUL_TRUSTED_PROXIES is not set: ")
    for warning in warn_no_first_party(settings.issuers):
        yield "issuers", warning
    if not settings.development:
        if not settings.rate_table:
            yield "rates", "nobody is limited, so one caller can take what all others need: leave it unset"
        if settings.failed_tokens == 0:
            yield "failed_tokens", "tokens can be guessed without end: leave it unset"
        if settings.shed_after == 0:
            yield "shed_after", "nothing is refused early, so past its capacity the hub is slow for everybody: unset it"
        if settings.public_url is None:
            yield "public_url", "links to consents lead to this machine alone: name the address that people reach"


def _check_listening(settings: Settings) -> Iterator[tuple[str, str]]:
    if not settings.listen_address.is_loopback and not settings.trusted_proxies:
        message = (
            "other machines can reach the hub, and no TLS-terminating proxy is named: tokens and data may travel in"
            " plain text. Name the proxy in SIMPUL_TRUSTED_PROXIES, and block the port for all others"
        )
        yield "listen", message
    if any(each.prefixlen == 0 for each in settings.trusted_proxies):
        message = (
            "every caller is trusted about addresses and certificates: name only the proxies' addresses or networks"
        )
        yield "trusted_proxies", message


def _check_recording(settings: Settings) -> Iterator[tuple[str, str]]:
    if not settings.ledger:
        yield "ledger", "nobody can be told who read their data (UU PDP 27/2022, articles 31 and 32): set it to true"
    if not settings.reader_budget_table:
        yield "reader_budgets", "one official or system can read about all people within minutes: unset it"


def _check_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    for field, each in (
        ("secret", settings.secret_bytes),
        *(("former_secrets", one) for one in settings.former_secrets_bytes),
    ):
        if _entropy_per_byte(each) < _MIN_ENTROPY_BITS:
            yield field, "it does not look random, and can be guessed: `openssl rand -base64 32` makes one"
    if settings.secret_bytes in settings.former_secrets_bytes:
        yield "former_secrets", "it holds the present secret: take it out"
    elif settings.former_secrets_bytes:
        yield (
            "former_secrets",
            f"it opens kept answers alone, which are gone after {_MAX_CACHE_DAYS} days: unset it then",
        )
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if isinstance(value, SecretStr) and field not in ("secret", "former_secrets", "probe_nik"):
            password = _extract_password(value.get_secret_value())
            if password is not None and _is_sample(password):
                yield field, "its password is short, or a word out of samples: take a long random one"


def _check_encryption(settings: Settings) -> Iterator[tuple[str, str]]:
    for field, mode, is_here in _list_databases(settings):
        if mode is TlsMode.DISABLE and not is_here:
            yield field, "data travels in plain text between machines: write sslmode=verify-full"
        elif mode in (TlsMode.REQUIRE, TlsMode.VERIFY_CA) and not is_here:
            yield field, f"sslmode={mode.value} does not verify the server: write sslmode=verify-full"
    for field in ("pbb_url", "crm_url", "pangan_url"):
        url = urlsplit(getattr(settings, field))
        if url.scheme == "http" and url.hostname not in _LOCAL_HOSTS:
            yield field, "what is read, and the credential, travel in the clear between machines: use https"
    traces = urlsplit(settings.traces_url or "")
    if traces.scheme == "http" and traces.hostname not in _LOCAL_HOSTS:
        yield "traces_url", "what was asked, and when, travels in the clear between machines: use https"
    redis = urlsplit(settings.redis_address or "")
    if redis.scheme == "redis" and redis.hostname not in (*_LOCAL_HOSTS, None):
        yield "redis_url", "it travels in the clear between machines: use rediss://"


class _DatabaseTls(NamedTuple):
    setting: str
    mode: TlsMode
    is_local: bool


def _list_databases(settings: Settings) -> Iterator[_DatabaseTls]:
    """The databases whose addresses can be read."""
    state, dukcapil, jakpreneur = (
        getattr(settings, field).get_secret_value() for field in ("state_url", "dukcapil_url", "jakpreneur_url")
    )
    databases: Sequence[tuple[str, str, Callable[[], TlsMode | None]]] = (
        ("state_url", state, lambda: get_tls_mode(state)),
        ("dukcapil_url", dukcapil, lambda: agency_tls_mode("dukcapil", dukcapil)),
        ("jakpreneur_url", jakpreneur, lambda: agency_tls_mode("jakpreneur", jakpreneur)),
    )
    for field, url, read_mode in databases:
        with suppress(ValueError):  # reported as a problem of its own
            mode = read_mode()
            if mode is not None:
                on_this_machine = is_local(urlsplit(url).hostname) and "host=" not in urlsplit(url).query
                yield _DatabaseTls(field, mode, on_this_machine)


def _check_agencies(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.request_timeout < settings.agency_timeout:
        yield "request_timeout", "it ends before SIMPUL_AGENCY_TIMEOUT, which therefore never counts: make it longer"
    without = [agency for agency in MAX_CONCURRENCY if settings.build_terms(agency).breaker is None]
    if without:
        yield "agencies", f"{', '.join(without)} without a breaker: while silent, each call costs its whole deadline"
    if settings.cache_megabytes == 0:
        yield (
            "cache_megabytes",
            "nothing is kept: every question is asked of an agency, and nothing is left when it fails",
        )


def _check_processes(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.workers != 1 and settings.redis_url is None:
        yield "redis_url", "several processes that share nothing allow as many times the rates, paces and quotas"


def _entropy_per_byte(raw: bytes) -> float:
    counts = Counter(raw).values()
    return -sum(count / len(raw) * math.log2(count / len(raw)) for count in counts)


def _extract_password(text: str) -> str | None:
    """The password of an address, or the secret itself; None where an address has none."""
    if "://" not in text:
        return text
    password = urlsplit(text).password
    return None if password is None else unquote(password)


def _is_sample(password: str) -> bool:
    return len(password) < _MIN_PASSWORD_LENGTH or any(word in password.lower() for word in _SAMPLE_PASSWORD_WORDS)
