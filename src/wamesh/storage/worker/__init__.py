"""The tables of `wamesh.worker`."""
