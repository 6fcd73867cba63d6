"""The phones of the simulated people: clients of the server like any other, in the server's own process.

`registry.py` makes and restores them. `phone.py` is one: it writes by `composing.py`, `sealing.py` and
`stanzas.py`, reads by `cipher.py` and `reading.py`, asks again and is asked by `retries.py` and
`retry_receipts.py`, and keeps `mailbox.py` (what came) and `letters.py` (what it wrote); files go by
`attachments.py`, of which `samples.py` makes up what nobody gave. `owner.py` adds the owner's hands: linking by QR code
(`linking.py`) or by pair code (`pair_code.py`). `app_state.py` and `history.py` are what a new device is given.
`port.py` is all they see of the server.
"""
