"""The tables of `wamesh.gateway`."""
