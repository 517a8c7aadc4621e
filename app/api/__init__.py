"""The REST API under /api/v1: one module for each noun, and what all of them share."""
