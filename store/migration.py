"""Runs the migrations of the hub's own database with Alembic."""

from __future__ import annotations

import logging

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from store.database import MIGRATIONS

_log = logging.getLogger("simpul.state")


def upgrade(connection: Connection) -> None:
    """Upgrade to the newest revision that this release knows; a newer one stays as it is."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    form = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    if form is not None and form not in known:
        _log.warning("The revision %s of the hub's database is newer than this release knows; it is not migrated", form)
        return
    command.upgrade(config, "head")
