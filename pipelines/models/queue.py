"""What an admin set for a queue: a pause, and how many of its jobs may run at once. No row: neither."""

from peewee import IntegerField, TextField

from pipelines.models.table import Table


class Queue(Table):
    """One queue's settings."""

    name = TextField(primary_key=True)
    paused = IntegerField(default=0)
    max_running = IntegerField(null=True)
