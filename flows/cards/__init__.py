"""The content of the flows' cards."""
