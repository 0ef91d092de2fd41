"""Confirmations of two-step commands: a code that only the person who saw certain content can give back."""

from __future__ import annotations

from typing import Protocol

from records.identifiers import Nik


class Confirmations(Protocol):
    """Makes and checks confirmation codes. The composition root binds the hub's own to it."""

    def build_code(self, subject: Nik, content: str) -> str:
        """A code for this person and content."""

    def is_valid(self, code: str, subject: Nik, content: str) -> bool:
        """Whether a code is for this person and content, and has not expired."""
