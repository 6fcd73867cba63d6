"""`wamesh seed`: loads a salon from its YAML file."""
