"""Plex: plex.tv, where people have their accounts, and the server that MediaNest belongs to."""
