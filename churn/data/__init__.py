"""Data engineering: from a table's source to rows that satisfy the contract."""
