"""The light network: no protocol, one gRPC stream a connection; `wamesh.emulator.v1.MemoryWire`."""
