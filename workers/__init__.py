"""Processes and loops: the worker pool, the scheduler, the supervisor."""
