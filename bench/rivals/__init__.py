"""What the figures are measured against: the honest best of their kind, with the same machine, servers and threads."""
