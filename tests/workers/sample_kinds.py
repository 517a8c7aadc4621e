"""Kinds for fault tests; the copy of the house that such tests run has this file as `pipelines/sample.py`."""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipelines.kind import Context, Kind, Limits


class Effect(BaseModel):
    """Append a line to `log` when the work of `seconds` is done."""

    model_config = ConfigDict(extra="forbid")

    log: Path
    seconds: float = 0.0
    host: str = ""


def _append(log: Path, text: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def have_effect(context: Context, params: Effect) -> dict[str, Any]:
    """Wait, then append exactly one line, fenced like every effect outside the database."""
    _append(params.log.with_suffix(".begun"), f"{context.job_id} {context.attempt}")
    context.wait(params.seconds)
    context.save(effect=True)
    _append(params.log, str(context.job_id))
    return {}


def hog(context: Context, params: Effect) -> dict[str, Any]:
    """Hold the interpreter for `seconds`, so that no other thread of the process runs."""
    _append(params.log.with_suffix(".begun"), f"{context.job_id} {context.attempt}")
    ctypes.PyDLL(None).usleep(int(params.seconds * 1e6))
    _append(params.log, str(context.job_id))
    return {}


def be_deaf(context: Context, params: Effect) -> dict[str, Any]:
    """Take `seconds` and never ask whether to stop."""
    _append(params.log.with_suffix(".begun"), f"{context.job_id} {context.attempt}")
    time.sleep(params.seconds)
    return {}


def kill_worker(context: Context, params: Effect) -> dict[str, Any]:
    """End the process the hard way."""
    _append(params.log.with_suffix(".begun"), f"{context.job_id} {context.attempt}")
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _kind(name: str, run: Any, queue: str = "sample", **declared: Any) -> Kind:
    return Kind(name=name, title=name, params=Effect, run=run, queue=queue, max_attempts=4, **declared)


EFFECT = _kind("effect", have_effect)
HOG = _kind("hog", hog)
DEAF = _kind("deaf", be_deaf)
KILL_WORKER = _kind("kill_worker", kill_worker)
LIMITED = _kind(
    "limited",
    have_effect,
    queue="sample_limited",
    limits=lambda: Limits(per_user=3, per_host=4),
    host=lambda params: str(params["host"]),
)
KINDS = (EFFECT, HOG, DEAF, KILL_WORKER, LIMITED)
