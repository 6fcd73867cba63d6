"""The process of one company's session, and both ends of its bond with the gateway.

`main.py` runs in it, over a transport of `wamesh.whatsapp`, its `spool.py` and its `link.py`; `child.py` is the process
as the gateway holds it, `wire.py` what the two say to each other.
"""
