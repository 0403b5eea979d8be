"""hbpush: one process that brings a published message to every subscriber, whatever push protocol it speaks."""

__version__ = "0.2.0"
