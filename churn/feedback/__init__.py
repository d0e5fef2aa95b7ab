"""MLOps: logged predictions, and outcomes."""
