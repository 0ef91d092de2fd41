"""The files that the sandbox city keeps between starts: ports, credentials, day and data, for one city at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Callable, Collection, Iterator
from datetime import date
from pathlib import Path
from typing import TypeVar

from sandbox.clock import parse_today

LOOPBACK = "127.0.0.1"
# Below the ports that systems hand to outgoing connections (Linux from 32768 on, others from 49152 on): a port
# from there may be gone again by the time its server binds it.
PORTS = range(20_000, 32_000)

T = TypeVar("T", int, str)


class StateError(Exception):
    """The folder cannot be used; the text is one line for a person."""


class StateFolder:
    """The folder of one city. Files in it are for their owner alone (0600)."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def __repr__(self) -> str:
        """Where it is."""
        return f"<StateFolder {self.path}>"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the folder for this process. Raises StateError when another process has it."""
        self._make()
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise StateError(
                    f"Simpul already runs on {self.path} (process {holder}): stop it with Ctrl-C there, "
                    "or set SIMPUL_STATE to another folder."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def port(self, name: str) -> int:
        """The port `name` had last time, else a new one; either is free now."""
        ports = self._read("ports.json", int)
        if not is_free(ports.get(name, 0)):
            ports[name] = find_free_port(set(ports.values()))
            self._write("ports.json", ports)
        return ports[name]

    def known_port(self, name: str) -> int | None:
        """The port `name` had last time, if there was one."""
        return self._read("ports.json", int).get(name)

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """The secret `name`, made by `make` the first time. Safe in a URL unless `make` is yours."""
        known = self._read("secrets.json", str)
        if name not in known:
            known[name] = make()
            self._write("secrets.json", known)
        return known[name]

    def known_secret(self, name: str) -> str | None:
        """The secret `name`, if it was made."""
        return self._read("secrets.json", str).get(name)

    def city_day(self, first: date, *, chosen: date | None = None) -> date:
        """Choose and store the city's today: `chosen`, else that of the previous start, else `first`."""
        known = self._read("city.json", str).get("today")
        if known is None or chosen is not None:
            known = (chosen or first).isoformat()
            self._write("city.json", {"today": known})
        try:
            return parse_today(known)
        except ValueError as problem:
            raise StateError(
                f"{self.path / 'city.json'}: {problem}: delete it, the next start makes a new one"
            ) from None

    def folder(self, *names: str) -> Path:
        """A folder inside, created if it is missing."""
        self._make()
        path = self.path.joinpath(*names)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StateError(f"the folder {path} cannot be made: {problem.strerror}") from None
        return path

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StateError(f"the state folder {self.path} cannot be made: {problem.strerror}") from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StateError(f"the state folder {self.path} cannot be written: is it another user's?")

    def _read(self, name: str, kind: type[T]) -> dict[str, T]:
        path = self.path / name
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as problem:
            raise StateError(f"{path} cannot be read ({problem}): delete it, the next start makes a new one") from None
        if not isinstance(content, dict) or not all(isinstance(value, kind) for value in content.values()):
            raise StateError(f"{path} is damaged: delete it, the next start makes a new one")
        return content

    def _write(self, name: str, content: dict[str, T]) -> None:
        self._make()
        unfinished = self.path / f"{name}.new"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=1)
        unfinished.replace(self.path / name)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    if port <= 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def find_free_port(taken: Collection[int] = ()) -> int:
    """A random free port, so that cities that start at the same time do not choose the same one."""
    chance = random.SystemRandom()
    for _ in range(1_000):
        port = chance.choice(PORTS)
        if port not in taken and is_free(port):
            return port
    raise StateError(f"no free port found between {PORTS.start} and {PORTS.stop}")
