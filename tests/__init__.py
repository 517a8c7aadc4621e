"""Tests, in the folders of what they test; `standins` holds the servers they talk to."""
