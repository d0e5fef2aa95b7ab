"""Whom to call, each day: a table in shards, scored, ranked by what a call brings, and listed.

`shards` cuts a table, `chunks` holds it against the contract, `rules` says who is called and who
is not, `calls` makes the list and `sheet` writes it; `savings` tells afterwards what it was good
for.
"""
