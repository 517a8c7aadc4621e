"""What a measurement gives: our number, the rival's from the same run, and the target."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """Where and how long to measure; `folder` is an empty one, `env` what makes an installation use the database."""

    database: str  # "SQLite" or "PostgreSQL"
    env: dict[str, str]
    folder: Path
    short: bool  # only prove that the measurement works


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` is judged: ours ÷ the rival's, or ours alone where there is no rival."""

    name: str
    database: str  # "" if it plays no part
    value: float
    target: float
    at_most: bool  # whether less is better
    unit: str = "×"
    ours: str = ""  # the numbers behind the value, with their units
    rival: str = ""
    notes: list[str] = field(default_factory=list)
    method: str = ""  # the module that measured it; filled in by the run

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.value <= self.target if self.at_most else self.value >= self.target
