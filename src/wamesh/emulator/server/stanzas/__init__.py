"""What clients ask of the server: one module a topic, each of handlers (see `effects`)."""
