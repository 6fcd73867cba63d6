"""Fixtures of the acceptance tests."""

from support.mesh import mesh, shared_mesh

__all__ = ["mesh", "shared_mesh"]
