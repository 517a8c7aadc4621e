"""The proxy with the way out as a process of its own: `python -m workers.egress HOST PORT [HOST:PORT ...]`.

What follows the address to listen on are exceptions as in MEDIANEST_EGRESS_ALLOW, also several in one word,
separated by commas.
"""

import asyncio
import sys

from pipelines.integrations.egress import address, proxy


def main() -> None:
    try:
        host, port, *words = sys.argv[1:]
        exceptions = [one for word in words for one in word.replace(",", " ").split()]
        allowed = frozenset(address.exception(one) for one in exceptions)
        asyncio.run(proxy.serve(host, int(port), allowed))
    except (OSError, ValueError) as error:
        sys.exit(f"python -m workers.egress HOST PORT [HOST:PORT ...]: {error}")


if __name__ == "__main__":
    main()
