"""The `medianest` command: over REST, on the local data, and what starts processes (by exec, never by import)."""
