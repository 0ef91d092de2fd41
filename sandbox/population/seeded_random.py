"""Deterministic random draws, so that the sandbox city is the same everywhere."""

from random import Random

from sandbox.population.city_population import SEED


def seeded_random(*about: object) -> Random:
    """A separate generator for one thing, seeded by its name: draws for other things never change it."""
    return Random(":".join(str(part) for part in (SEED, *about)))  # noqa: S311 - repeatable, not unguessable
