"""The values and the hub. Knows no URL, socket or Redis; imports nothing of the project but ``hbpush.errors``."""
