"""History that people query, in SQLite or PostgreSQL.

* `schema`: the tables, made from the events that fill them.
* `fold`: what batches become: rows.
* `database`: what the two databases have in common; `sqlite` and `postgresql` are theirs.
* `history`: opens one, writes batches to it, answers questions.
* `writer`: the thread that keeps it up with the venue.

docs/history.md has the tables and the guarantees.
"""
