"""MLOps: a fitted model as a document that answers for one customer in microseconds."""
