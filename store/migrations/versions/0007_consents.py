"""Consent requests, their events, and webhooks to partners."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create requests, events, verification attempts and webhooks; add consent terms to contracts."""
    op.add_column("operation_clients", sa.Column("name", sa.String(100), comment="What people call the client."))
    op.add_column(
        "operation_clients",
        sa.Column("consent", JSONB(), comment="On what terms it asks for consent; null where it may not."),
    )
    _create_requests()
    _create_events()
    op.create_table(
        "verification_tries",
        sa.Column("consent", sa.String(32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC."),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("consent", "day", name="pk_verification_tries"),
    )
    _create_calls()


def _create_requests() -> None:
    op.create_table(
        "consent_requests",
        sa.Column(
            "id", sa.String(32), nullable=False, comment="Random; stands in the address that people are sent to."
        ),
        sa.Column("client", sa.String(100), nullable=False, comment="As the client's tokens name it."),
        sa.Column("partner", sa.String(100), nullable=False, comment="As people know it."),
        sa.Column("scopes", JSONB(), nullable=False, comment="What is asked for."),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False, comment="How long the consent would last."),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), comment="The partner's own, given back; null when the request is over."),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "subject",
            sa.LargeBinary(32),
            comment="The person who opened it, sealed; null again if they did not grant.",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.String(16), comment="granted, refused or expired; null as long as it waits."),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("consent", sa.String(32), comment="The consent, where it was granted."),
        sa.Column("closed_at", sa.DateTime(timezone=True), comment="When what was needed to answer was gone."),
        sa.PrimaryKeyConstraint("id", name="pk_consent_requests"),
    )
    op.create_index(
        "ix_consent_requests_client", "consent_requests", ["client"], postgresql_where=sa.text("answer IS NULL")
    )
    op.create_index(
        "ix_consent_requests_answer_by",
        "consent_requests",
        ["answer_by"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _create_events() -> None:
    op.create_table(
        "consent_events",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("event", sa.String(16), nullable=False, comment="asked, opened, granted, refused, revoked, ..."),
        sa.Column("client", sa.String(100), nullable=False),
        sa.Column("request", sa.String(32), comment="The request it is about."),
        sa.Column("consent", sa.String(32), comment="The consent it is about."),
        sa.Column("by", sa.String(16), nullable=False, comment="person, partner or hub."),
        sa.Column(
            "request_id", sa.Text(), comment="The request to the hub by which it came about; null where the hub did it."
        ),
        sa.Column("detail", JSONB(), nullable=False, server_default="{}", comment="Nothing personal."),
        sa.PrimaryKeyConstraint("id", name="pk_consent_events"),
    )
    op.create_index("ix_consent_events_consent", "consent_events", ["consent"])
    op.create_index("ix_consent_events_request", "consent_events", ["request"])


def _create_calls() -> None:
    op.create_table(
        "webhook_calls",
        sa.Column(
            "id", sa.String(40), nullable=False, comment="`webhook-id` of the call; the same however often it is sent."
        ),
        sa.Column("client", sa.String(100), nullable=False),
        sa.Column("type", sa.String(32), nullable=False, comment="Such as consent.granted."),
        sa.Column("request", sa.String(32)),
        sa.Column("consent", sa.String(32)),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON as it is signed and sent."),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), comment="When to try."
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failure", sa.Text(), comment="Why the last attempt failed."),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("given_up_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_calls"),
    )
    op.create_index(
        "ix_webhook_calls_next_at",
        "webhook_calls",
        ["next_at"],
        postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
    )


def downgrade() -> None:
    """Drop all of it."""
    for name in ("webhook_calls", "verification_tries", "consent_events", "consent_requests"):
        op.drop_table(name)
    op.drop_column("operation_clients", "consent")
    op.drop_column("operation_clients", "name")
