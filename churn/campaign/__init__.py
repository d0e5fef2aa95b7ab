"""Whom to call, each day: a table in shards, scored, ranked by net benefit, and listed.

`shards` splits a table and `chunks` validates it against the contract. `shortlist` scores a shard
and keeps its best customers, `control_group` and `do_not_contact` decide who is not called,
`call_list` merges the shards, and `export` writes the list. `reading` reads lists back, and
`savings` estimates the effect of the calls.
"""
