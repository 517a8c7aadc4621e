"""What all tables have in common: the database they are bound to."""

from typing import Any

import peewee

from config.database import database


class Table(peewee.Model):
    """A table of the one database."""

    class Meta:
        """Bound when the process starts."""

        database: Any = database
