"""One module or folder for each outside service, one client each."""
