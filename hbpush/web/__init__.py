"""HTTP: the only room that holds requests, streams and frames.

``exchange`` is the contract between hosts and endpoints. ``native`` and ``tornado_host`` are the hosts. Endpoints, in the
protocol packages, see an Exchange and neither host.
"""
