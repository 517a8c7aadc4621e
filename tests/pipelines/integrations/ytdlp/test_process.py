"""The process that downloads, as the system sees it."""

import os
import subprocess
import sys
from pathlib import Path

from pipelines.integrations.ytdlp.process import Child

_TELL = """
import os, subprocess, sys
sys.stdin.readline()
own = open("/proc/self/oom_score_adj").read().strip()
print(os.nice(0), own, subprocess.run(["nice"], capture_output=True, text=True).stdout.strip(), flush=True)
"""


def test_a_download_and_what_it_starts_leave_the_processor_and_the_memory_to_others(tmp_path: Path) -> None:
    own = int(subprocess.run(["nice"], capture_output=True, text=True, check=True).stdout)
    score = int(Path("/proc/self/oom_score_adj").read_text())
    keep = os.open(tmp_path, os.O_RDONLY)
    with Child([sys.executable, "-c", _TELL], dict(os.environ), tmp_path, keep) as child:
        child.send(b"\n")
        said: list[bytes] = []
        while not said and not child.ended:
            said = child.lines(5.0)
    os.close(keep)
    assert said == [f"{max(own, 10)} {max(score, 500)} {max(own, 10)}".encode()]
