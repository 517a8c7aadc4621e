"""The web pages: one screen at a time, drawn by the browser from the REST API and the live feed."""
