"""What can go wrong at plex.tv or at a media server: a switch for each failure, at run time."""

import threading
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["away", "status", "malformed", "stall", "drip"]


@dataclass(eq=False)
class Fault:
    """One failure. `times` counts down; None lasts until the switch is turned off."""

    kind: Kind
    only: str = ""
    times: int | None = None
    status: int = 0
    retry_after: str | None = None
    seconds: float = 0.0
    _gate: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        """Let the answers go on that wait here, now and later."""
        self._gate.set()

    def wait(self) -> None:
        self._gate.wait()


class Switches:
    """The failures that are on.

    `only` limits one to what begins like "GET /api/v2/pins/"; `times` ends it by itself. Of several that
    fit a request, the one turned on first happens.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._ever: list[Fault] = []

    def away(self, only: str = "", times: int | None = None) -> Fault:
        """The connection is closed without an answer."""
        return self._on(Fault("away", only, times))

    def status(
        self, status: int, only: str = "", times: int | None = None, retry_after: str | None = None
    ) -> Fault:
        """Nothing but this status, with the body that the real one sends with it."""
        return self._on(Fault("status", only, times, status, retry_after))

    def malformed(self, only: str = "", times: int | None = None) -> Fault:
        """The right status and type, and the first half of the body."""
        return self._on(Fault("malformed", only, times))

    def stall(self, only: str = "", times: int | None = None) -> Fault:
        """The request is taken and not answered before `open()` is called on what this gives."""
        return self._on(Fault("stall", only, times))

    def drip(self, seconds: float, only: str = "", times: int | None = None) -> Fault:
        """The body comes byte by byte with so much time between them."""
        return self._on(Fault("drip", only, times, seconds=seconds))

    def off(self, fault: Fault | None = None) -> None:
        """Turn one failure off, or all; whoever waits goes on."""
        with self._lock:
            gone = [fault] if fault else list(self._ever)
            self._faults = [one for one in self._faults if one not in gone]
        for one in gone:
            one.open()

    def next_for(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request."""
        with self._lock:
            fitting = (one for one in self._faults if f"{method} {path}".startswith(one.only))
            fault = next(fitting, None)
            if fault and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault

    def _on(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
            self._ever.append(fault)
        return fault
