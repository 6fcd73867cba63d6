"""The phones of the simulated people: clients of the server like any other, in the server's own process."""
