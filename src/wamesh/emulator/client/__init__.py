"""The side of a session process: how an unmodified WhatsApp client is led to the emulator, and to nothing else."""
