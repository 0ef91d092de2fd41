"""Finds settings that are legal but risky."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from cli.settings_check.findings import Finding, FindingLevel, describe_city_problem, format_setting, variable_name
from connectors.declared.service.wire import ServiceWire
from connectors.declared.sql.tables import SqlWire
from connectors.drivers.sql.address import get_tls_mode as agency_tls_mode
from records.database_tls import TlsMode, is_local
from records.plurals import count_noun
from settings import Settings
from settings.city.manifest import ManifestFile
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
_SAMPLE_WARNING = "its password is short or contains a sample word: use a long random one"
_MIN_PASSWORD_LENGTH = 12
_MIN_ENTROPY_BITS = 4.2
"""A byte of 32 random ones has 4.9 bits of entropy on average, and hardly ever less than 4.5."""
_MAX_CACHE_DAYS = 3
_EXPIRY_NOTICE = timedelta(days=30)


def find_risks(settings: Settings) -> Sequence[Finding]:
    """The risks of settings with which a hub can start."""
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
    found = [
        Finding(
            level=FindingLevel.WARNING,
            name=variable_name(field),
            value=format_setting(settings, field),
            message=message,
        )
        for rule in rules
        for field, message in rule(settings)
    ]
    return [*found, *_check_manifests(settings)]


def _check_manifests(settings: Settings) -> Iterator[Finding]:
    """The risks of each agency's wire. A value from the environment is named by its variable."""
    for file in settings.city.agencies.values():
        for place, message in _check_wire(file):
            yield describe_city_problem(settings.city, file.locate(place, message), FindingLevel.WARNING)


def _check_wire(file: ManifestFile) -> Iterator[tuple[str, str]]:
    wire = file.manifest.wire
    url = wire.url.get_secret_value()
    secrets = wire.list_credentials() | ({"wire.url": url} if isinstance(wire, SqlWire) else {})
    for place, secret in secrets.items():
        password = _extract_password(secret)
        if password is not None and _is_sample(password) and not place.lower().endswith(".user-agent"):
            yield place, _SAMPLE_WARNING
    if isinstance(wire, ServiceWire):
        for place, left in wire.find_expiries().items():
            if left < _EXPIRY_NOTICE:
                yield place, _describe_expiry(left)
    if isinstance(wire, SqlWire):
        for message in _judge_database(url, lambda: agency_tls_mode(file.code, url)):
            yield "wire.url", message
    elif urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _LOCAL_HOSTS:
        yield "wire.url", "data and the credential travel in plain text between machines: use https"


def _describe_expiry(left: timedelta) -> str:
    if left <= timedelta():
        return "it has expired, and the agency refuses it: renew it"
    return f"it expires in {count_noun(left.days, 'day')}: renew it"


def _check_development(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.development:
        yield "development", "it shows the graph to every caller, and error messages in the log: unset it"
        return
    for field in ("introspection", "graphiql"):
        if getattr(settings, field) is Exposure.ON:
            yield field, "anonymous callers see the whole graph: 'signed-in' shows it only to authenticated callers"


def _check_callers(settings: Settings) -> Iterator[tuple[str, str]]:
    for warning in warn_shared_address(settings):
        yield "trusted_proxies", warning.removeprefix("SIMPUL_TRUSTED_PROXIES is not set: ")
    for warning in warn_no_first_party(settings.issuers):
        yield "issuers", warning
    if not settings.development:
        if not settings.rate_table:
            yield "rates", "no caller is limited, so one caller can use up the capacity of all others: unset it"
        if settings.failed_tokens == 0:
            yield "failed_tokens", "tokens can be guessed without limit: unset it"
        if settings.shed_after == 0:
            yield "shed_after", "no request is refused early, so an overloaded hub is slow for every caller: unset it"
        if settings.public_url is None:
            yield "public_url", "links to consents lead to this machine only: name the address that browsers reach"


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
        yield "ledger", "people cannot see who read their data (UU PDP 27/2022, articles 31 and 32): set it to true"
    if not settings.reader_budget_table:
        yield "reader_budgets", "one official or system can read about all people within minutes: unset it"


def _check_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    for field, each in (
        ("secret", settings.secret_bytes),
        *(("former_secrets", one) for one in settings.former_secrets_bytes),
    ):
        if _entropy_per_byte(each) < _MIN_ENTROPY_BITS:
            yield field, "it does not look random, and can be guessed: create one with `openssl rand -base64 32`"
    if settings.secret_bytes in settings.former_secrets_bytes:
        yield "former_secrets", "it holds the current secret: remove it"
    elif settings.former_secrets_bytes:
        message = (
            f"it only opens cached answers, which expire after {_MAX_CACHE_DAYS} days, and snapshots until their next"
            " load: unset it then"
        )
        yield "former_secrets", message
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if isinstance(value, SecretStr) and field not in ("secret", "former_secrets", "probe_nik"):
            password = _extract_password(value.get_secret_value())
            if password is not None and _is_sample(password):
                yield field, _SAMPLE_WARNING


def _check_encryption(settings: Settings) -> Iterator[tuple[str, str]]:
    state = settings.state_url.get_secret_value()
    for message in _judge_database(state, lambda: get_tls_mode(state)):
        yield "state_url", message
    traces = urlsplit(settings.traces_url or "")
    if traces.scheme == "http" and traces.hostname not in _LOCAL_HOSTS:
        yield "traces_url", "traces travel in plain text between machines: use https"
    redis = urlsplit(settings.redis.url if settings.redis else "")
    if redis.scheme == "redis" and redis.hostname not in (*_LOCAL_HOSTS, None):
        yield "redis_url", "data travels in plain text between machines: use rediss://"


def _judge_database(url: str, read_mode: Callable[[], TlsMode | None]) -> Iterator[str]:
    """The risk of a database's address; an invalid one is a problem, which is reported elsewhere."""
    with suppress(ValueError):
        mode = read_mode()
        if mode is None or (is_local(urlsplit(url).hostname) and "host=" not in urlsplit(url).query):
            return
        if mode is TlsMode.DISABLE:
            yield "data travels in plain text between machines: write sslmode=verify-full"
        elif mode in (TlsMode.REQUIRE, TlsMode.VERIFY_CA):
            yield f"sslmode={mode.value} does not verify the server: write sslmode=verify-full"


def _check_agencies(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.request_timeout < settings.agency_timeout:
        yield "request_timeout", "it is shorter than SIMPUL_AGENCY_TIMEOUT, which has no effect then: make it longer"
    without = [code for code, each in settings.city.agencies.items() if each.manifest.terms.breaker is None]
    if without:
        yield "city", f"{', '.join(without)} without a breaker: in an outage, each call waits for its timeout"
    if settings.cache_megabytes == 0:
        yield (
            "cache_megabytes",
            "nothing is cached: every request calls the agencies, and no data is left when one fails",
        )


def _check_processes(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.workers != 1 and settings.redis_url is None:
        yield "redis_url", "without Redis, each of several processes allows the full rates and quotas: set it"


def _entropy_per_byte(raw: bytes) -> float:
    counts = Counter(raw).values()
    return -sum(count / len(raw) * math.log2(count / len(raw)) for count in counts)


def _extract_password(text: str) -> str | None:
    """The password of an address, or the secret itself; None if the address has no password."""
    if "://" not in text:
        return text
    password = urlsplit(text).password
    return None if password is None else unquote(password)


def _is_sample(password: str) -> bool:
    return len(password) < _MIN_PASSWORD_LENGTH or any(word in password.lower() for word in _SAMPLE_PASSWORD_WORDS)
