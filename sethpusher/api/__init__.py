"""The REST API and the debug pages: `service` does it, `views` and `endpoints` are its two faces."""
