"""Fixtures of the acceptance tests."""

from support.mesh import mesh, protocol_mesh, shared_mesh, shared_protocol_mesh

__all__ = ["mesh", "protocol_mesh", "shared_mesh", "shared_protocol_mesh"]
