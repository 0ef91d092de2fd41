"""Checks photos that people send, each in a process for it (`photo_program.py`).

A process instead of a thread: decoders of images are written in C, and holding the interpreter's lock or failing in
one of them must not stop or end the hub. The operating system bounds memory and time of the process. A thread starts it
and waits for it, because uvloop forks, which stops the loop for 0.25 s in a process of 400 MB; `subprocess` does not.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from records.hub.commands import CommandProblemCode
from records.uploads import CheckedPhoto, UploadedFile

_log = logging.getLogger("simpul.photos")

MAX_CONCURRENCY: Final = 2
"""Processes at a time, for each process of the hub."""
TIMEOUT: Final = 20.0
"""Seconds for one photo, after it has a process."""
_PROGRAM: Final = Path(__file__).with_name("photo_program.py")


class IsolatedPhotoChecks:
    """Makes a photo of each file."""

    def __init__(self) -> None:
        """Starts nothing."""
        self._threads = ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="photo")

    async def check(self, file: UploadedFile) -> CheckedPhoto | CommandProblemCode:
        """The photo without metadata, or why it is refused."""
        if file.content is None:
            return CommandProblemCode.FILE_TOO_LARGE
        return await asyncio.get_running_loop().run_in_executor(self._threads, _make_photo, file.content)


def _make_photo(content: bytearray) -> CheckedPhoto | CommandProblemCode:
    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        ended = subprocess.run(  # noqa: S603 - the hub's own program
            command,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        _log.warning("A photo took longer than %g s.", TIMEOUT)
        return CommandProblemCode.UNREADABLE_FILE
    written: bytes = ended.stdout
    head, _, photo = written.partition(b"\n")
    match head.decode("ascii", "replace").split():
        case ["ok", width, height]:
            return CheckedPhoto(content=photo, width=int(width), height=int(height))
        case [code]:
            return CommandProblemCode[code]
        case _:  # it was ended at a bound of memory or time
            _log.warning("The process of a photo ended with %d and without an answer.", ended.returncode)
            return CommandProblemCode.UNREADABLE_FILE
