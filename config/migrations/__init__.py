"""Numbered steps of the schema; each file is frozen once released."""
