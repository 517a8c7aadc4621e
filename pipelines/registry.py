"""The one registration of kinds; a new kind is a file and a line here."""

from pipelines import probe, recheck
from pipelines.download import kind as download
from pipelines.kind import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (download.KIND, probe.KIND, recheck.KIND)}
