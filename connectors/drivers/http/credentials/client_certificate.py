"""A client certificate (mutual TLS), loaded again when its files change."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from cryptography import x509

from records.config_file import read_bounded

_log = logging.getLogger("simpul.agency_credentials")

_CHECK_INTERVAL: Final = 10.0
"""Seconds between two looks at the files."""
_OTHERS: Final = 0o007
"""Mode bits of a key that every user of the machine can read or change."""


class UnusableCertificate(ValueError):  # noqa: N818 - names the condition
    """The files cannot be used. The text holds the fix, and nothing of their contents."""

    def __init__(self, file: str, problem: str) -> None:
        """`file` is `certificate` or `key`."""
        super().__init__(problem)
        self.file = file
        self.problem = problem


def require_private(key: Path) -> None:
    """Refuse the file of a private key that every user can read. Raises `UnusableCertificate`, and `OSError`."""
    if key.stat().st_mode & _OTHERS:
        raise UnusableCertificate("key", f"every user can read or change it: chmod 640 {key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """The files of a client certificate, in PEM."""

    certificate: Path
    """The certificate, then those of intermediate authorities."""
    key: Path
    """Its private key, unencrypted."""

    def read_expiry(self) -> float:
        """When the first certificate of the chain expires, in seconds since 1970. Raises `UnusableCertificate`."""
        try:
            chain = x509.load_pem_x509_certificates(read_bounded(self.certificate))
        except OSError as error:
            problem = f"the file cannot be read: {error.strerror}"
        except ValueError:
            problem = "the file holds no certificate in PEM"
        else:
            return min(each.not_valid_after_utc.timestamp() for each in chain)
        raise UnusableCertificate("certificate", problem)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load both files. Raises `UnusableCertificate`."""
        try:
            require_private(self.key)
            # The empty password fails for an encrypted key; without one, OpenSSL would ask at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError:
            problem = "it is not the unencrypted private key of the certificate, in PEM"
        except OSError as error:
            problem = f"the file cannot be read: {error.strerror}"
        else:
            return
        raise UnusableCertificate("key", problem)

    def get_state(self) -> object:
        """A value that changes with the files; None while one of them is missing."""
        try:
            found = [each.stat() for each in (self.certificate, self.key)]
        except OSError:
            return None
        return [(each.st_mtime_ns, each.st_ino, each.st_size, each.st_mode) for each in found]


class ClientCertificate:
    """The TLS context with the certificate. A change of the files is noticed within ten seconds.

    New connections use the new certificate. If the new files cannot be used, the earlier certificate stays, and the log
    names the problem.
    """

    def __init__(
        self,
        agency: str,
        files: CertificateFiles,
        build_context: Callable[[], ssl.SSLContext],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Load the files. Raises `UnusableCertificate`."""
        self._agency = agency
        self._files = files
        self._build_context = build_context
        self._clock = clock
        self._state = files.get_state()
        self._checked_at = clock()
        self._expires_at = files.read_expiry()
        self._context = self._load()

    def __repr__(self) -> str:
        return f"<ClientCertificate {self._agency}>"

    @property
    def context(self) -> ssl.SSLContext:
        """The context for new connections."""
        self._reload_if_changed()
        return self._context

    @property
    def expires_at(self) -> float:
        """When the loaded certificate expires, in seconds since 1970."""
        self._reload_if_changed()
        return self._expires_at

    def _load(self) -> ssl.SSLContext:
        context = self._build_context()
        self._files.load_into(context)
        return context

    def _reload_if_changed(self) -> None:
        now = self._clock()
        if now - self._checked_at < _CHECK_INTERVAL:
            return
        self._checked_at = now
        state = self._files.get_state()
        if state is None or state == self._state:  # None: they are being replaced
            return
        self._state = state
        try:
            expires_at, self._context = self._files.read_expiry(), self._load()
        except UnusableCertificate as error:
            _log.error(
                "The new client certificate for agency %s is not used: %s: %s",
                self._agency, error.file, error.problem, extra={"agency": self._agency},
            )  # fmt: skip
            return
        self._expires_at = expires_at
        _log.info("Loaded the new client certificate for agency %s", self._agency, extra={"agency": self._agency})
