"""Whom to call, each day: a table in shards, scored, ranked by net benefit, and listed.

`shards` cuts a table and `chunks` holds it against the contract. `shortlist` scores a shard and
keeps its best, `control_group` and `do_not_contact` say who is not called, `call_list` puts the
shards together, and `export` writes the list. `reading` reads lists back, and `savings` measures
what calling was worth.
"""
