"""The address on which the hub listens: an IP address of this machine and a port."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

MAX_PORT = 65535
_EXAMPLES = "such as 127.0.0.1:8000, 0.0.0.0:8000 or [::]:8000"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to listen on."""

    ip: IPv4Address | IPv6Address
    port: int

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """Parse `192.0.2.1:8000`, `[2001:db8::1]:8000` or `localhost:8000`.

        Raises:
            ValueError: It is not an address with a port; the text says why.

        """
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdecimal() and 1 <= int(port) <= MAX_PORT):
            raise ValueError(f"write an IP address and a port from 1 to {MAX_PORT}, {_EXAMPLES}")
        bracketed = host.startswith("[") and host.endswith("]")
        try:
            ip = ip_address("127.0.0.1" if host == "localhost" else host[1:-1] if bracketed else host)
        except ValueError:
            raise ValueError(f"write an IP address of this machine before the port, {_EXAMPLES}") from None
        if bracketed is not (ip.version == 6):  # noqa: PLR2004 - the version of the protocol
            raise ValueError(f"write an IPv6 address in brackets, and an IPv4 address without, {_EXAMPLES}")
        return cls(ip, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        mapped = self.ip.ipv4_mapped if isinstance(self.ip, IPv6Address) else None
        return (mapped or self.ip).is_loopback

    @property
    def host(self) -> str:
        """The address as in URLs and `Host` headers."""
        if not isinstance(self.ip, IPv6Address):
            return str(self.ip)
        mapped = self.ip.ipv4_mapped  # before Python 3.13, its text is hexadecimal
        return f"[{self.ip}]" if mapped is None else f"[::ffff:{mapped}]"

    @property
    def local_url(self) -> str:
        """A URL by which this machine can reach it."""
        if not self.ip.is_unspecified:
            return f"http://{self.host}:{self.port}"
        return f"http://{'[::1]' if isinstance(self.ip, IPv6Address) else '127.0.0.1'}:{self.port}"

    def __str__(self) -> str:
        """As in settings."""
        return f"{self.host}:{self.port}"
