"""What a person at a terminal uses: one process, the whole mesh, the demo, and an operator's calls."""
