"""Wires everything together: configuration, command line, the servers. The only place that knows every package."""
