"""Data science: from a clean table to a fitted model."""
