"""Real servers that stand in for the services outside, so that no test needs the internet."""
