"""The live feed at /ws: who is shown what, and how it survives slow readers, reconnects and lost events."""
