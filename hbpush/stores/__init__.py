"""Stores: they give ids, keep messages and announce them. ``base`` is the contract; each backend is one module."""
