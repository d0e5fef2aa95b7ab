"""MLOps: what was predicted, and what then happened."""
