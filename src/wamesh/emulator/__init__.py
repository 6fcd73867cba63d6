"""A simulated WhatsApp for development and tests, on one machine; docs/emulator.md tells how it is used.

Two networks behind one control contract. The protocol's, from the wire inwards: `wire/` (the port), `noise/` and
`codec/` (bytes and stanzas), `server/` (who gets what), `phones/` over `signal/` and `app_state/` (the people's
phones, in this process), composed by `protocol.py` and served by `protocol_serving.py`. The light one: `memory/`.
What they share: `control.py` (the port between contract and network), `service.py`, `serving.py`, `event_log.py`,
`faults.py`, `store.py`. `client/` is not part of any network: it runs in a client's process and leads the client
here.
"""
