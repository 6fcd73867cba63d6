"""The library's protobuf modules without the library: importing them normally would load its native code into this
process.
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def _import(name: str) -> Any:
    if "neonize" not in sys.modules:
        spec = importlib.util.find_spec("neonize")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        package = ModuleType("neonize")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["neonize"] = package
    return importlib.import_module(name)


neonize_pb2: Any = _import("neonize.proto.Neonize_pb2")
e2e_pb2: Any = _import("neonize.proto.waE2E.WAWebProtobufsE2E_pb2")
