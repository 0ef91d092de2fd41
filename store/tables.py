"""The hub's own tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, LargeBinary, MetaData, String, Table, Text, func

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(column_0_label)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
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

access_chains = Table(
    "access_chains",
    metadata,
    Column("chain", String(32), primary_key=True, comment="Random name."),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("heads", Text, nullable=False, comment="Last entries of other chains at that moment, one a line."),
    Column("hash", LargeBinary(32), nullable=False, comment="What the first entry links to."),
)

access_entries = Table(
    "access_entries",
    metadata,
    Column("chain", String(32), ForeignKey("access_chains.chain"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False, comment="From 1, without gaps."),
    Column("previous", LargeBinary(32), nullable=False, comment="Hash of the entry before, or of the chain."),
    Column("hash", LargeBinary(32), nullable=False, comment="Keyed hash of all other columns."),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("request_id", Text, nullable=False),
    Column("subject", LargeBinary(32), comment="Pseudonym of whom the data is about."),
    Column("caller_kind", Text, nullable=False),
    Column("caller", LargeBinary(32), comment="Pseudonym of who read."),
    Column("agency", Text),
    Column("unit", Text),
    Column("role", Text),
    Column("client", Text),
    Column("purpose", Text),
    Column("case", Text),
    Column("legal_basis", Text),
    Column("operation", Text),
    Column("document", LargeBinary(32), nullable=False, comment="SHA-256 of the document."),
    Column("agencies", Text, nullable=False, comment="Where the data came from, separated by spaces."),
    Column("fields", Text, nullable=False, comment="What was read, by schema coordinate, separated by spaces."),
    Column("classification", Text),
    Column("hidden_until", DateTime(timezone=True), comment="Before that the person is not shown the entry."),
    Column("hidden_because", Text, comment="The legal reason for that."),
    Index("ix_access_entries_subject", "subject", "at", "chain", "sequence"),
)
