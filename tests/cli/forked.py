"""Be an agency that is forked from a process that has imported them all: `python forked.py SOCKET ARGUMENTS...`.

For the city of a `simpul serve`, which starts programs. What this program gets of signals, the agency gets; it ends as
the agency does, and the agency ends with it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress


def be(address: str, arguments: Sequence[str]) -> int:
    """The exit code of the agency, negative for a signal."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        request = json.dumps({"arguments": [*arguments], "environment": dict(os.environ)})
        forwarded = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, forwarded)
        socket.send_fds(connection, [f"{request}\n".encode()], [1, 2])
        told = b""
        while b"\n" not in told:
            told += connection.recv(100)
        pid, _, code = told.partition(b"\n")

        def forward(number: int, _: object) -> None:
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(int(pid), number)

        for each in forwarded:
            signal.signal(each, forward)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, forwarded)
        return int(code + b"".join(iter(lambda: connection.recv(100), b"")))


if __name__ == "__main__":
    ended = be(sys.argv[1], sys.argv[2:])
    if ended < 0:
        with suppress(OSError):  # SIGKILL has no other meaning
            signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    sys.exit(ended)
