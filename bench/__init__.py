"""Measurements that anyone can print with `make bench`."""
