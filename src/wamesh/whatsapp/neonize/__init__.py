"""The transport over the library neonize, which `transport.py` alone imports."""
