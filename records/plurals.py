"""Writes a number with its noun in English: `1 day`, `2 days`."""


def count_noun(number: int, singular: str, plural: str = "") -> str:
    """The number and the noun; without `plural`, an `s` follows the singular."""
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"
