"""The wire of SockJS, all its transports, under the names of sockjs-tornado (SockJS specification).

`codec` and `forms` are what goes over the wire; `server` has the sessions and their endpoints, for any `contract.Application`.
"""
