"""Forks the agencies of a city from one process that has imported their code.

They share its memory and the generated residents (`sandbox/processes/fork_server.py`).
"""

import gc
import os
from importlib import import_module

from sandbox.__main__ import main
from sandbox.agency import PARTS
from sandbox.population.city_population import build_population
from sandbox.processes.fork_server import serve_forks


def serve_agencies() -> None:
    """Import the code of all agencies, then start each on request."""
    for name in (*PARTS, "stand_ins"):
        import_module(f"sandbox.{name}.server")
    build_population()
    serve_forks(lambda arguments: main(arguments, os.environ))


if __name__ == "__main__":
    gc.disable()  # imports create no garbage
    serve_agencies()
