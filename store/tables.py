"""The hub's own tables."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, String, Table, func

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

complaint_links = Table(
    "complaint_links",
    metadata,
    Column("reporter", LargeBinary(32), primary_key=True, comment="Keyed digest of the reporter's NIK."),
    Column("request_id", String(64), primary_key=True, comment="Identifier at the complaint system."),
    Column("linked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_complaint_links_request_id", "request_id"),
)
