"""A process that fetches one address and prints the hash: what a worker is to its download process."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.integrations.ytdlp.client import Fetched, Wanted, Watch, fetch

if __name__ == "__main__":
    url, staging, name, attempt = sys.argv[1:]
    wanted = Wanted(url, "video", "best", "mp4")
    site = urlsplit(url)
    fetched = fetch(
        wanted,
        Path(staging),
        name=name,
        attempt=int(attempt),
        watch=Watch(),
        allowed=frozenset({(str(site.hostname), site.port or 80)}),
    )
    assert isinstance(fetched, Fetched)
    print(fetched.sha256)
