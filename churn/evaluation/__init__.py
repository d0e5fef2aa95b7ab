"""Data science: how good a model is, how sure that is, and what it is worth."""
