"""Data science: the quality of a model, its uncertainty, and its value in money."""
