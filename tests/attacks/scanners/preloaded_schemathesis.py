"""Runs schemathesis in processes forked from this one, which has imported all of it once.

The Python of the scanners runs it. A line of standard input is a run as JSON; a line of standard output its exit code.
"""

import importlib
import json
import os
import pkgutil
import sys
from contextlib import suppress


def _import_all() -> None:
    for each in pkgutil.walk_packages(importlib.import_module("schemathesis").__path__, "schemathesis."):
        if not each.name.endswith("__main__"):
            with suppress(ImportError):  # a report that needs another package
                importlib.import_module(each.name)


def _run(arguments: list[str], folder: str, output: str) -> None:
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for place in (sys.stdout, sys.stderr):
        os.dup2(written, place.fileno())
    os.chdir(folder)
    sys.argv = ["schemathesis", *arguments]
    code = 1
    try:
        importlib.import_module("schemathesis.cli").schemathesis()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _import_all()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(**json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
