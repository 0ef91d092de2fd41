"""The base address of an agency, and the URLs of calls below it."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from yarl import URL

_PLAIN_PATH: Final = re.compile(r"/?[\w~-][\w.~-]*(?:/[\w~-][\w.~-]*)*/?", re.ASCII)
_PLAIN_NAME: Final = re.compile(r"[\w.~-]+", re.ASCII)
_PLAIN_VALUE: Final = re.compile(r"[\w.~,:@-]*", re.ASCII)


Parameters = Mapping[str, str | Sequence[str]]
"""Parameters of a query, or fields of a form, by name; a sequence repeats the name."""


class EncodedPath(str):
    """A path below an agency's address, whose segments are percent-encoded."""

    __slots__ = ()


class LinkTarget(str):
    """The path and query of a link at the origin of an agency's address, percent-encoded (`resolve_link`)."""

    __slots__ = ()


def list_pairs(parameters: Parameters) -> list[tuple[str, str]]:
    """The names and values of parameters; a repeated name several times."""
    return [
        (name, each) for name, value in parameters.items() for each in ((value,) if isinstance(value, str) else value)
    ]


class AgencyAddress:
    """The base address of an agency. Its password, if any, is never shown."""

    def __init__(self, agency: str, base_url: str) -> None:
        """Parse the address. Raises ValueError, without the address, if it is invalid."""
        self._agency = agency
        self._base = base = _parse_base_url(agency, base_url)
        self._origin = base.scheme, base.host, base.port
        self._root = base.raw_path
        self._below = base.joinpath("x").raw_path[:-1]
        self.host: Final = base.raw_host or ""
        """Host name or IP address for the connection."""
        self.port: Final = base.port or 0
        self.authority: Final = base.host_port_subcomponent or ""
        """The value of the `Host` header."""
        self.is_secure: Final = base.scheme == "https"

    def build_url(self, path: str, query: Parameters | None) -> URL:
        """Build the URL of one call; `path` is plain text, or encoded. Raises ValueError if it contains `..`."""
        if isinstance(path, LinkTarget):
            return self._base.join(URL(path, encoded=True))
        parts = [part for part in path.split("/") if part]
        if ".." in parts or "." in parts:
            raise ValueError(f"The path for agency '{self._agency}' holds '.' or '..'. Check what is put into it.")
        if parts and path.endswith("/"):
            parts.append("")
        is_encoded = isinstance(path, EncodedPath)
        url = self._base.joinpath(*parts, encoded=is_encoded) if parts else self._base
        return url.with_query(list_pairs(query)) if query else url

    def build_target(self, path: str, query: Parameters | None) -> str:
        """Build the path and query of one call for the request line, as `build_url` does.

        Most calls contain nothing to escape, so they need no URL object. Results are not cached, because paths and
        queries contain identity numbers.
        """
        if isinstance(path, LinkTarget):
            return path
        if _PLAIN_PATH.fullmatch(path):
            target = self._below + path.removeprefix("/")
        elif not path or path == "/":
            target = self._root
        else:
            return self.build_url(path, query).raw_path_qs
        if not query:
            return target
        parts = []
        for name, value in query.items():
            if not (isinstance(value, str) and _PLAIN_NAME.fullmatch(name) and _PLAIN_VALUE.fullmatch(value)):
                return self.build_url(path, query).raw_path_qs
            parts.append(f"{name}={value}")
        return f"{target}?{'&'.join(parts)}"

    def resolve_link(self, link: str, path: str, query: Parameters | None) -> LinkTarget:
        """The target of a link in the reply to a call (RFC 3986, section 5). Raises ValueError for another origin."""
        try:
            found = self.build_url(path, query).join(URL(link))
        except ValueError:
            found = URL()
        if (found.scheme, found.host, found.port) != self._origin:
            raise ValueError(f"A link of agency '{self._agency}' leads to another origin.")
        return LinkTarget(found.raw_path_qs)

    def extend_link(self, link: LinkTarget, parameters: Mapping[str, str]) -> LinkTarget:
        """The link with these parameters in its query, each once."""
        return LinkTarget(self.build_url(link, None).update_query(parameters).raw_path_qs)

    def build_authorization(self) -> str | None:
        """Build the `Authorization` header from user and password in the address (RFC 7617).

        Raises ValueError if they cannot be encoded.
        """
        if self._base.raw_user is None and self._base.raw_password is None:
            return None
        user, password = self._base.user or "", self._base.password or ""
        if ":" in user:
            raise ValueError(
                f"The user name in the address of agency '{self._agency}' holds ':'. No header can say it."
            )
        return "Basic " + b64encode(f"{user}:{password}".encode("latin-1")).decode("ascii")


def _parse_base_url(agency: str, base_url: str) -> URL:
    # The error omits the address, which may contain a password.
    complaint = (
        f"The address of agency '{agency}' is not an HTTP address. Write it as"
        " 'http://host:port' or 'https://host/path'."
    )
    try:
        url = URL(base_url)
    except ValueError:
        raise ValueError(complaint) from None
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise ValueError(complaint)
    return url


def is_internal(host: str) -> bool:
    """Whether a host is an IP address of metadata services (link-local), of many machines, or of none.

    Private networks are none of these: agencies are in them.
    """
    address = _parse_ip_address(host)
    return address is not None and (address.is_link_local or address.is_multicast or address.is_unspecified)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    address = _parse_ip_address(host)
    return host == "localhost" if address is None else address.is_loopback


def _parse_ip_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is, in any form that the system accepts (`0xa9fea9fe`); None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
