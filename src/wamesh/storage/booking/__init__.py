"""The tables of `wamesh.booking`."""
