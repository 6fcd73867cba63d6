"""The emulator's port: one loopback TCP port that is proxy, TLS server, websocket server and media host in one.

    TCP accept
      first byte 0x16 ------------------------------+
      `CONNECT host:port` -> 200 -> ----------------+--> TLS --> GET /ws/chat, upgrade --> websocket: a `Handler`
      anything else -> 400, closed                               anything else --------> a `MediaHost`

`listener.listen` opens it; `contract` says what it asks of those who serve on it.
"""
