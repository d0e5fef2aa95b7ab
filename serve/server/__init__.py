"""`python -m serve`: the processes that serve the app."""
