"""Data engineering: a table from where it lies to rows that keep their contract."""
