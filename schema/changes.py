"""The root of changes: what callers may ask the hub to do.

A change is declared like every root field: a pure function from arguments and caller to a key, and a batch that does
what the keys say. Changes of one document run one after another (GraphQL specification, section 6.2.2), and what was
read before one is read again after it.
"""

from __future__ import annotations


class ChangeRoot:
    """What callers may change."""
