"""Faults on purpose: what a client must live through, done to connections that are chosen for it.

A faulted connection's outlet is wrapped (outlet.py) and it stands apart in its cohort, so nobody else is
touched and who has no fault pays nothing for it.
"""
