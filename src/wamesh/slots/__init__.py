"""The slot engine: which minutes a visit can start at. Pure: no I/O, no clock, no SQL."""
