"""A process that fetches one address and prints the hash: what a worker is to its download process."""

import sys
from pathlib import Path

from pipelines.integrations.ytdlp.client import Wanted, fetch

if __name__ == "__main__":
    url, staging, name, attempt = sys.argv[1:]
    wanted = Wanted(url, "video", "best", "mp4")
    fetched = fetch(
        wanted, Path(staging), name=name, attempt=int(attempt), report=lambda moved: None, check=lambda: None
    )
    print(fetched.sha256)
