"""The tables of the hub's own database."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from records.hub.clients import MAX_CLIENT_ID_LENGTH

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
    Column("subject", LargeBinary(32), comment="Pseudonym of the person the data is about."),
    Column("caller_kind", Text, nullable=False),
    Column("caller", LargeBinary(32), comment="Pseudonym of the reader."),
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
    Column("hidden_until", DateTime(timezone=True), comment="Hidden from the person until this time."),
    Column("hidden_because", Text, comment="The legal reason for that."),
    Index("ix_access_entries_subject", "subject", "at", "chain", "sequence"),
    Index("ix_access_entries_at", "at"),
)
Index(
    "ix_access_entries_agency",
    access_entries.c.agency,
    access_entries.c.at,
    postgresql_where=access_entries.c.agency.is_not(None),
)

access_gaps = Table(
    "access_gaps",
    metadata,
    Column("chain", String(32), ForeignKey("access_chains.chain"), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False, comment="Number of the first removed."),
    Column("last", BigInteger, nullable=False, comment="Number of the last entry that was removed."),
    Column("previous", LargeBinary(32), nullable=False, comment="Hash of the entry before the first."),
    Column("hash", LargeBinary(32), nullable=False, comment="Hash of the last."),
    Column("receipt", BigInteger, nullable=False, comment="Number of the receipt."),
    Column("seal", LargeBinary(32), nullable=False, comment="Keyed hash of all other columns."),
)
"""Runs of consecutive entries that were purged."""

purge_receipts = Table(
    "purge_receipts",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="From 1, without gaps."),
    Column("previous", LargeBinary(32), nullable=False, comment="Seal of the receipt before; empty if none."),
    Column("name", Text, nullable=False, comment="What was purged."),
    Column("purged_at", DateTime(timezone=True), nullable=False),
    Column("purged_by", Text, nullable=False),
    Column("kept_days", Text, nullable=False, comment="How long it was kept, by class where that differs."),
    Column("removed", Text, nullable=False, comment="How many rows, in all and by class."),
    Column("oldest", DateTime(timezone=True)),
    Column("newest", DateTime(timezone=True)),
    Column("seal", LargeBinary(32), nullable=False, comment="Keyed hash of all other columns."),
)

breaches = Table(
    "breaches",
    metadata,
    Column("name", String(32), primary_key=True, comment="`B-2026-0001`."),
    Column("opened_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("opened_by", Text, nullable=False),
    Column("known_since", DateTime(timezone=True), nullable=False, comment="From when the 72 hours run."),
    Column("what", Text, nullable=False, comment="What happened, in a sentence."),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("caller_kind", Text),
    Column("agency", Text),
    Column("client", Text),
    Column("purpose", Text),
    Column("case", Text),
    Column("operation", Text),
    Column("request_id", Text),
    Column("caller", LargeBinary(32), comment="Pseudonym of the reader."),
    Column("closed_at", DateTime(timezone=True), comment="Null while it is worked on."),
    Column("closed_by", Text),
)
"""Breaches of personal data protection, and the ledger entries they concern (UU PDP 27/2022, article 46)."""

operation_clients = Table(
    "operation_clients",
    metadata,
    Column("client", String(MAX_CLIENT_ID_LENGTH), primary_key=True, comment="Its issuer and its `client_id`."),
    Column("mode", String(16), nullable=False, comment="off, log-unknown, safelist or ids-only."),
    Column("scopes", JSONB, nullable=False, comment="By scope: the fields that it opens."),
    Column("variables", JSONB, nullable=False, comment="By operation and variable: which values are allowed."),
    Column("name", String(100), comment="What people call the client."),
    Column("consent", JSONB(none_as_null=True), comment="On what terms it asks for consent; null where it may not."),
    Column("listing", JSONB(none_as_null=True), comment="Its entry in the directory of partners; null without one."),
    Column("cost_a_day", BigInteger, comment="Points; null for any number."),
    Column("changed_by", String(200), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

operations = Table(
    "operations",
    metadata,
    Column("client", String(MAX_CLIENT_ID_LENGTH), ForeignKey("operation_clients.client"), primary_key=True),
    Column("document_id", String(256), primary_key=True, comment="As the client's tools name it."),
    Column("name", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("scopes", JSONB, nullable=False, comment="What the client's token must hold."),
    Column("ranges", JSONB, nullable=False, comment="By variable: which values are allowed."),
    Column("cost", BigInteger, nullable=False, comment="Points that one run is expected to cost."),
    Column("reads", JSONB, nullable=False, comment="Each field, its class of data and its rule."),
    Column("approved_by", String(200), comment="Which owner of the data approved it, and by what."),
    Column("published_by", String(200), nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("retired_by", String(200), comment="Null while it is published."),
    Column("retired_at", DateTime(timezone=True)),
)

operation_changes = Table(
    "operation_changes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("client", String(MAX_CLIENT_ID_LENGTH), nullable=False),
    Column("document_id", String(256), comment="Null for a change of the contract."),
    Column("change", String(16), nullable=False, comment="contract, published or retired."),
    Column("changed_by", String(200), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Append-only. A new maximum id tells every hub that something changed."""

consents = Table(
    "consents",
    metadata,
    Column("id", String(32), primary_key=True, comment="Random; the partner sends it with each query."),
    Column("subject", LargeBinary(32), nullable=False, comment="The person, sealed."),
    Column("guardian", LargeBinary(32), comment="The guardian who consented for a child, sealed."),
    Column("client", String(MAX_CLIENT_ID_LENGTH), nullable=False, comment="Its issuer and its `client_id`."),
    Column("partner", String(100), nullable=False, comment="As people knew it when they consented."),
    Column("scopes", JSONB, nullable=False, comment="What may be read."),
    Column("purpose", String(64), nullable=False),
    Column("granted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_by", String(16), comment="`person`; `partner` if the partner gave it back."),
    Column("expired_at", DateTime(timezone=True), comment="When the hub recorded that it had expired."),
    Column("purged_at", DateTime(timezone=True), comment="When the data stored under it was deleted."),
    Column("request", String(32), nullable=False, unique=True, comment="The request that was answered."),
    Column("assurance", String(16), nullable=False, comment="Assurance level of the person's identification."),
    Column("text_version", String(16), nullable=False),
    Column("text_hash", LargeBinary(32), nullable=False, comment="SHA-256 of the text that the person agreed to."),
    Column("texts", JSONB, nullable=False, comment="By language: the text that the person agreed to."),
    Column("answered_in", Text, nullable=False, comment="Id of the request to the hub by which they agreed."),
    Index("ix_consents_subject", "subject", "client"),
    Index("ix_consents_ending", "expires_at", postgresql_where=text("purged_at IS NULL")),
)

consent_requests = Table(
    "consent_requests",
    metadata,
    Column("id", String(32), primary_key=True, comment="Random; part of the address of the consent page."),
    Column("client", String(MAX_CLIENT_ID_LENGTH), nullable=False, comment="Its issuer and its `client_id`."),
    Column("partner", String(100), nullable=False, comment="As people know it."),
    Column("scopes", JSONB, nullable=False, comment="What is asked for."),
    Column("purpose", String(64), nullable=False),
    Column("days", Integer, nullable=False, comment="How long the consent would last."),
    Column("redirect_uri", Text, nullable=False),
    Column("state", Text, comment="Sent back to the partner; null when the request is over."),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("answer_by", DateTime(timezone=True), nullable=False),
    Column("subject", LargeBinary(32), comment="The person who opened it, sealed; null again if they did not grant."),
    Column("opened_at", DateTime(timezone=True)),
    Column("answer", String(16), comment="granted, refused or expired; null as long as it waits."),
    Column("answered_at", DateTime(timezone=True)),
    Column("consent", String(32), comment="The consent, where it was granted."),
    Column(
        "is_about_child",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="Whether it is about a child of the person who opens it.",
    ),
    Column("closed_at", DateTime(timezone=True), comment="When the data that only the answer needed was deleted."),
    Index("ix_consent_requests_client", "client", postgresql_where=text("answer IS NULL")),
    Index("ix_consent_requests_subject", "subject", postgresql_where=text("answer IS NULL")),
    Index("ix_consent_requests_answer_by", "answer_by", postgresql_where=text("closed_at IS NULL")),
)

consent_events = Table(
    "consent_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("event", String(16), nullable=False, comment="asked, opened, granted, refused, revoked, ..."),
    Column("client", String(MAX_CLIENT_ID_LENGTH), nullable=False),
    Column("request", String(32), comment="The request it is about."),
    Column("consent", String(32), comment="The consent it is about."),
    Column("by", String(16), nullable=False, comment="person, partner or hub."),
    Column("request_id", Text, comment="The request to the hub by which it came about; null where the hub did it."),
    Column("detail", JSONB, nullable=False, server_default="{}", comment="Nothing personal."),
    Index("ix_consent_events_consent", "consent"),
    Index("ix_consent_events_request", "request"),
)
"""Append-only: the history of each request and each consent."""

verification_tries = Table(
    "verification_tries",
    metadata,
    Column("consent", String(32), primary_key=True),
    Column("day", Date, primary_key=True, comment="UTC."),
    Column("tries", Integer, nullable=False),
)

webhook_calls = Table(
    "webhook_calls",
    metadata,
    Column("id", String(40), primary_key=True, comment="`webhook-id` of the call; the same however often it is sent."),
    Column("client", String(MAX_CLIENT_ID_LENGTH), nullable=False),
    Column("type", String(32), nullable=False, comment="Such as consent.granted."),
    Column("request", String(32)),
    Column("consent", String(32)),
    Column("body", Text, nullable=False, comment="JSON as it is signed and sent."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now(), comment="When to try."),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failure", Text, comment="Why the last attempt failed."),
    Column("delivered_at", DateTime(timezone=True)),
    Column("given_up_at", DateTime(timezone=True)),
    Index(
        "ix_webhook_calls_next_at",
        "next_at",
        postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL"),
    ),
)
"""The outbox of webhooks: written in the transaction of the event, sent by any hub."""

restrictions = Table(
    "restrictions",
    metadata,
    Column("id", String(32), primary_key=True, comment="Random."),
    Column("subject", LargeBinary(32), nullable=False, comment="The person, sealed."),
    Column("purposes", JSONB, nullable=False, comment="Purposes for which reads are refused; empty for all."),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True), comment="Null while it is in force."),
    Index("ix_restrictions_subject", "subject"),
)

data_requests = Table(
    "data_requests",
    metadata,
    Column("number", String(20), primary_key=True, comment="Random, but for the year."),
    Column("subject", LargeBinary(32), nullable=False, comment="The person, sealed."),
    Column("key", LargeBinary(32), nullable=False, comment="Digest of the key that the person's app gave."),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False, comment="That of the newest event."),
    Column("agency", String(64), comment="Who has to do it; null for the data-protection officer."),
    Column("field", String(200), comment="What is to be corrected, by schema coordinate."),
    Column("purposes", JSONB, nullable=False, comment="Of a restriction."),
    Column("texts", LargeBinary, nullable=False, comment="What the person wrote, sealed."),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True), comment="Null while it is open."),
    UniqueConstraint("subject", "key"),
    Index("ix_data_requests_received", "subject", "received_at", "number"),
    Index("ix_data_requests_due", "state", "due_at"),
)

data_request_events = Table(
    "data_request_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("number", String(20), ForeignKey("data_requests.number", ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("state", String(16), nullable=False),
    Column("by", String(200), comment="Who answered for the city; null for the person."),
    Column("refusal", String(32)),
    Column("text", LargeBinary, comment="What was said with it, sealed."),
    Index("ix_data_request_events_number", "number", "id"),
)
"""Append-only."""

exports = Table(
    "exports",
    metadata,
    Column("id", String(32), primary_key=True, comment="Random."),
    Column("subject", LargeBinary(32), nullable=False, comment="The person, sealed."),
    Column("began_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True), comment="Null while it runs."),
    Index("ix_exports_subject", "subject", "began_at"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("kind", String(32), primary_key=True, comment="Kind of caller."),
    Column("caller", LargeBinary(32), primary_key=True, comment="Pseudonym; empty for anonymous callers."),
    Column("field", String(200), primary_key=True, comment="Schema coordinate; (others) beyond the bound."),
    Column("reason", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

service_uses = Table(
    "service_uses",
    metadata,
    Column("month", DateTime(timezone=True), primary_key=True, comment="First day of the month, in UTC."),
    Column("service", String(48), primary_key=True, comment="Code in the city's catalogue of services."),
    Column("uses", BigInteger, nullable=False, comment="Answered operations; of no person or caller."),
)

case_marks = Table(
    "case_marks",
    metadata,
    Column("subject", LargeBinary(32), primary_key=True, comment="The person, sealed."),
    Column("case", LargeBinary(32), primary_key=True, comment="Keyed digest of the case."),
    Column("version", LargeBinary(32), nullable=False, comment="Digest of what the person saw."),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_case_marks_seen_at", "seen_at"),
)

page_sessions = Table(
    "page_sessions",
    metadata,
    Column("id", LargeBinary(32), primary_key=True, comment="Digest of the session's random id."),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ends_at", DateTime(timezone=True), nullable=False, comment="Even if it is in use."),
    Column("hint", LargeBinary, comment="The issuer's ID token, sealed, to sign out there."),
    Column("person", LargeBinary(32), comment="Keyed digest of the issuer and its `sub`."),
    Column("sign_in", LargeBinary(32), comment="Keyed digest of the issuer and its `sid`."),
    Index("ix_page_sessions_ends_at", "ends_at"),
    Index("ix_page_sessions_person", "person"),
    Index("ix_page_sessions_sign_in", "sign_in"),
)
"""Active sessions of the hub's own pages. A session that ended by signing out has no row."""

commands = Table(
    "commands",
    metadata,
    Column("number", String(16), primary_key=True, comment="Random, but for the year; the reference at the agency."),
    Column("kind", String(40), nullable=False),
    Column("version", Integer, nullable=False, comment="Of the payload's form."),
    Column("agency", String(64), nullable=False),
    Column("case", String(80), nullable=False),
    Column("sequence", Integer, nullable=False, comment="Within the case, ascending."),
    Column("subject", LargeBinary(32), nullable=False, comment="The person, sealed."),
    Column("key", LargeBinary(32), nullable=False, comment="Digest of the key that the person's app gave."),
    Column("digest", LargeBinary(32), nullable=False, comment="Keyed digest of the payload."),
    Column("payload", LargeBinary, comment="Sealed; null after its retention."),
    Column("lookup", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("accepted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now(), comment="When work is due."),
    Column("fence", BigInteger, nullable=False, server_default="0", comment="Number of claims; the newest one counts."),
    Column("attempts", Integer, nullable=False, server_default="0", comment="How often it was sent."),
    Column("lookups", Integer, nullable=False, server_default="0", comment="Lookups since it was sent last."),
    Column("sent_at", DateTime(timezone=True), comment="When it may have been sent last."),
    Column("failure", Text, comment="Why it is not done, as a code. Nothing personal."),
    Column("outcome", LargeBinary, comment="What the agency answered, sealed."),
    Column("agency_id", String(64), comment="The agency's identifier of what the command made."),
    Column("closed_at", DateTime(timezone=True), comment="Null while the outcome is open."),
    UniqueConstraint("subject", "key"),
    UniqueConstraint("agency", "case", "sequence"),
    Index("ix_commands_due", "agency", "next_at", postgresql_where=text("closed_at IS NULL")),
    Index("ix_commands_subject", "subject", "accepted_at"),
    Index("ix_commands_agency_id", "agency", "agency_id"),
)
"""The outbox of commands: committed before the acknowledgement, sent by any hub."""

command_files = Table(
    "command_files",
    metadata,
    Column("number", String(16), ForeignKey("commands.number", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, comment="In the command's list of files, from 0."),
    Column("content", LargeBinary, nullable=False, comment="Sealed."),
)
"""Files of open commands, which their delivery removes."""

command_steps = Table(
    "command_steps",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("number", String(16), ForeignKey("commands.number", ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("state", String(16), nullable=False),
    Column("by", String(200), comment="The person of the city who took the step; null for the hub."),
    Column("detail", Text, comment="A failure's code or a person's reason. Nothing personal."),
    Index("ix_command_steps_number", "number", "id"),
)
"""Append-only."""
