"""WhatsApp's server as its clients see it: people and devices, connections, pairing, who gets what.

From the outside in: `server.py` (the whole, and its door for the rest of the emulator) holds `connection.py` (one
websocket), which goes through `pairing.py` or `login.py`; `router.py` runs each stanza through `dispatch.py` (the one
table of handlers in `stanzas/`) and does what they ask for (`effects.py`). State is `directory.py` (people, devices,
published keys), `queues.py` (what waits for a device, what was sent before) and `collections.py` (settings that devices
share, sealed); `media.py` keeps files, `rival.py` is the other client of the second login.
Nothing here knows a Signal secret.
"""
