"""QR codes in a terminal."""

import sys

import segno


def draw(code: str) -> None:
    """Draws a QR code on standard output, with what to do with it."""
    print("Scan with WhatsApp: Settings > Linked devices > Link a device")
    segno.make(code, error="l").terminal(out=sys.stdout, compact=True)
