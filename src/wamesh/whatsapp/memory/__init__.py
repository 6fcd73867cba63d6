"""The transport over the light network, in the process that uses it."""
