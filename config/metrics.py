"""What is measured, and the text that shows it to Prometheus.

The processes of a machine share a folder of metric files. Each process takes the lowest free slot
and holds it by a lock, so that restarts reuse files instead of adding to them.
"""

import fcntl
from collections.abc import Iterable
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from config.settings import settings

_held: list[object] = []  # lock files stay open as long as the process lives


@cache
def _slot() -> str:
    folder = settings().metrics_dir
    assert folder is not None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 0
    while True:
        lock = (folder / f"slot-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
            continue
        _held.append(lock)
        return str(number)


if settings().metrics_dir is not None:
    # the library reads this once, when the first metric is made
    values.ValueClass = values.MultiProcessValue(_slot)  # type: ignore[no-untyped-call]

HTTP_SECONDS = Histogram("medianest_http_seconds", "Time to answer a request", ["method", "route", "status"])
WAITED_SECONDS = Histogram(
    "medianest_waited_seconds",
    "From when a job was due until an attempt began",
    ["kind"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
ATTEMPT_SECONDS = Histogram(
    "medianest_attempt_seconds",
    "From the beginning of an attempt to its end, by how it ended",
    ["kind", "end"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
EVENTS_LOST = Counter("medianest_events_lost", "Events that could not be sent to the feed")
FOREIGN_BELLS = Counter("medianest_foreign_bells", "Doorbells that were not ours")


class _Readings:
    """Gauges read at the moment of the scrape."""

    def __init__(self, gauges: Iterable[Metric]) -> None:
        self._gauges = list(gauges)

    def collect(self) -> Iterable[Metric]:
        return self._gauges


def gauge(name: str, text: str, label: str, readings: dict[str, float]) -> Metric:
    """A gauge with one label and its present values."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in readings.items():
        family.add_metric([value], number)
    return family


def exposition(gauges: Iterable[Metric]) -> bytes:
    """The scrape page: all processes' counters and `gauges`, in Prometheus' text format."""
    registry = CollectorRegistry()
    if settings().metrics_dir is not None:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_Readings(gauges))
    return generate_latest(registry)
