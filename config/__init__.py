"""Wiring without behaviour: settings, database, Redis, broker, logging, metrics."""
