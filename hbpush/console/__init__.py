"""``type: console``: a page from which a person sees who listens to what, publishes, and subscribes by each protocol.

The page is ``page/``, plain HTML, CSS and JavaScript without a build step; the rest is where it gets its figures from. It subscribes as
any client does, at the other locations of the server, which tell it where they are; none of them is known here.
"""
