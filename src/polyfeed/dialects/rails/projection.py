"""Nothing is projected: no message of Rails has a number of its own, and every identifier is a function of the venue's.

What a bulk cancellation counts (`#0`, `#1`, ...) is counted by the REST call, which names each cancellation.
"""
