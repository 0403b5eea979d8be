"""The server as a program: configuration, plug-ins, the life of a process. It names no protocol.

``location`` is the contract of what a configuration's ``locations`` list holds.
"""
