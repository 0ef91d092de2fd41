"""Draws that come out the same for the same question, so that the sandbox city is the same everywhere."""

from random import Random

from sandbox.population.city_population import SEED


def seeded_random(*about: object) -> Random:
    """A generator of its own for one thing, told by what the thing is: neighbours never change each other's draws."""
    return Random(":".join(str(part) for part in (SEED, *about)))  # noqa: S311 - repeatable, not unguessable
