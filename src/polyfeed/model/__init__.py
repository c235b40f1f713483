"""The words every other package speaks: instruments, scaled integers, commands, events, batches, ids.

Nothing here does anything but describe; nothing of ours is imported. Prices and sizes are integers scaled per
instrument, money is an integer scaled per currency, times are venue microseconds since the epoch.
"""
