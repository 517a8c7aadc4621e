"""The table in its three forms: on the terminal, as JSON, and as the page docs/performance.md."""

import json
from dataclasses import asdict, dataclass, field

from bench.figure import Figure

HEADINGS = ("figure", "database", "value", "target", "met", "ours", "rival")
BOTH = ("SQLite", "PostgreSQL")


@dataclass
class Report:
    """What a run found; `methods` are the modules' own words on how they measure."""

    machine: dict[str, str]
    judged: bool  # a short run proves that the measurements work and judges nothing
    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def rows(self) -> list[tuple[str, ...]]:
        """The table's lines without its heading."""
        return [self._row(figure) for figure in self.figures]

    def _row(self, figure: Figure) -> tuple[str, ...]:
        sign = "≤" if figure.at_most else "≥"
        met = ("yes" if figure.met else "NO") if self.judged else "-"
        value, target = (f"{number(each)} {figure.unit}" for each in (figure.value, figure.target))
        return figure.name, figure.database, value, f"{sign} {target}", met, figure.ours, figure.rival

    def as_text(self) -> str:
        """For the terminal: columns under each other."""
        rows = [HEADINGS, *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *(f"FAILED {each}" for each in self.failures)])

    def as_json(self) -> str:
        """Everything, for programs."""
        found = {
            "machine": self.machine,
            "judged": self.judged,
            "seconds": round(self.seconds),
            "figures": [asdict(figure) | {"met": figure.met} for figure in self.figures],
            "failures": self.failures,
        }
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"

    def as_page(self) -> str:
        """Markdown: the table, the machine, and how each figure came about."""
        parts = ["# Performance", "", INTRODUCTION.format(minutes=self.seconds / 60), ""]
        parts += _table(HEADINGS, self.rows())
        parts += [f"- failed: {each}" for each in self.failures]
        parts += ["", "## The machine", ""]
        parts += [f"- {name}: {value}" for name, value in self.machine.items()]
        parts += ["", "## How each figure is measured", ""]
        for name, text in self.methods.items():
            parts += [f"### {name.replace('_', ' ').capitalize()}", "", text.strip(), ""]
            parts += self._notes(name)
        return "\n".join(parts).rstrip() + "\n"

    def _notes(self, method: str) -> list[str]:
        lines = [
            f"- {figure.name}{f' ({figure.database})' if figure.database else ''}: {note}"
            for figure in self.figures
            if figure.method == method
            for note in figure.notes
        ]
        return [*lines, ""] if lines else []


INTRODUCTION = """`make bench` measured this in {minutes:.0f} minutes and wrote this page. A value with × is ours ÷ the
rival's, both measured in turns in the same run, so that whatever else the machine does hits both; the last two columns
have the numbers behind it. Run it on your own machine: the ratios travel, the absolute numbers do not. profile.md says
why some targets are missed."""


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (headings, ("---",) * len(headings), *rows)]


def number(value: float) -> str:
    """With as many digits as mean something."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"
