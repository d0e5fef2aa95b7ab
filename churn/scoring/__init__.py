"""MLOps: a fitted model as a document that scores one customer in microseconds."""
