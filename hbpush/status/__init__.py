"""What a server tells of itself: ``type: status``, in JSON and for Prometheus, and ``type: health``, for balancers and supervisors.

It reads what others count and counts nothing itself, when somebody asks and at no other time. With several workers a page is of the one
that answered, and says which.
"""
