"""What MediaNest does; knows neither Flask nor Dramatiq."""
