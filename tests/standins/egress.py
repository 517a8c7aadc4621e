"""The egress proxy inside the test's own process, with a resolver of the test's choice."""

import asyncio
import threading
from types import TracebackType
from typing import Self

from pipelines.integrations.egress.address import Allowed
from pipelines.integrations.egress.proxy import Door
from pipelines.integrations.egress.route import Resolve, Route, Target, resolve


class RunningProxy:
    """A door that listens for the time of the context. `refused` are the hosts it refused."""

    def __init__(
        self,
        allowed: Allowed = frozenset(),
        resolve: Resolve = resolve,
        upstream: Target | None = None,
        most: int = 64,
    ) -> None:
        self.refused: list[str] = []
        self.port = 0
        self.door = Door(Route(allowed, upstream, resolve), self.refused.append, most)
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self.port = self._loop.run_until_complete(self.door.listen())
        self._loop.call_soon(self._listening.set)
        self._loop.run_forever()
        self.door.close()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
