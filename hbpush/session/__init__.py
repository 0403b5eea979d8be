"""Sessions: clients that outlive their connections, which polling protocols are made of. Knows no URL, no request, no codec.

`session` is the base of a protocol's own session; `transport` is the contract of what carries it; `feed` joins it to a channel of the hub.
"""
