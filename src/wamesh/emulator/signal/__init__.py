"""Signal keys and 1:1 sessions of virtual phones, in the wire format WhatsApp uses (version 3)."""
