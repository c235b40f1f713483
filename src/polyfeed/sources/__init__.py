"""Where things come from when nobody trades: recordings, agents and imported orders.

Command sources feed the sequencer; batch sources replace the venue for their instruments. Both are stepped by the app
with venue time as an argument; nothing here owns a clock or a task. Files are read by the few functions that say so.
"""
