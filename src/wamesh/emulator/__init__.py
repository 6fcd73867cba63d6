"""A simulated WhatsApp for development and tests."""
