"""A session's connection to WhatsApp: the port in `transport.py`, and a folder for each of its adapters."""
