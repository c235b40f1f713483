"""A private venue for the tests of whoever writes a client: docs/testing.md.

`plugin.py` is the pytest plugin; `venue.py` has the same for other test runners. Only these import what tests need.
"""
