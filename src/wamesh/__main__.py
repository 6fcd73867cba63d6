"""`python -m wamesh` is `wamesh`."""

from wamesh.cli import main

main()
