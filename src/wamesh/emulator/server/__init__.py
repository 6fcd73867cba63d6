"""WhatsApp's server as its clients see it: people and devices, connections, pairing, who gets what.

From the outside in: `server.py` (the whole, and its door for the rest of the emulator) holds `connection.py` (one
websocket), which goes through `pairing.py` (of what `registration.py` reads) or `login.py`; `router.py` runs each
stanza through `dispatch.py` (the one table of handlers in `stanzas/`) and does what they ask for (`effects.py`);
`notices.py` is what the server says of its own accord. State is `people.py` (people and devices as values),
`directory.py` (all of them, kept by `records.py`), `queues.py` (what waits for a device, what was sent before) and
`collections.py` (settings that devices share, sealed); `media.py` keeps files. `mishaps.py` does the faults that
happen at once, `rival.py` is the other client of the second login. Nothing here knows a Signal secret.
"""
