"""The only holder of WhatsApp sessions.

`service.py` answers `wamesh.gateway.v1.Gateway`. `session/` keeps each company's session, `process/` is where it runs,
and `fleet/` decides who may hold it; `inbox/` is what customers wrote, `outbox/` what is sent to them. All of them
speak of messages in the values of `messages.py`, and of sessions through the port in `sessions.py`.
"""
