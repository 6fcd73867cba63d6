"""WhatsApp's protobuf messages, as the library ships them, without the library.

neonize carries the definitions as plain Python modules below `neonize/proto`; importing them by their full name
would run `neonize/__init__`, which loads native code into this process. They import each other by short names
(`waE2E.WAWebProtobufsE2E_pb2`), so the same short names load them here, from the place where neonize is installed.

Owns: finding and loading those modules. Refuses: any other part of the library. Invariant: the module search path
is as before, and a later real `import neonize` in the same process works and meets these very classes (protobuf
keeps one class per definition, whatever the name of the module).
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def definitions(name: str) -> Any:
    """Returns the protobuf module `name` of the library, such as `waE2E.WAWebProtobufsE2E_pb2`; raises ImportError."""
    with _searching(_directory()):
        return importlib.import_module(name)


def _directory() -> Path:
    """Where the installed library keeps its protobuf modules; the library is found, not run."""
    spec = importlib.util.find_spec("neonize")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'neonize'", name="neonize")
    return Path(spec.submodule_search_locations[0], "proto")


@contextmanager
def _searching(directory: Path) -> Iterator[None]:
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))


_adv = definitions("waAdv.WAAdv_pb2")
_cert = definitions("waCert.WACert_pb2")
_wa6 = definitions("waWa6.WAWebProtobufsWa6_pb2")
_server_sync = definitions("waServerSync.WAWebProtobufsServerSync_pb2")
_sync_action = definitions("waSyncAction.WAWebProtobufSyncAction_pb2")

e2e: Any = definitions("waE2E.WAWebProtobufsE2E_pb2")
"""All of end-to-end content: `e2e.Message`, `e2e.ImageMessage`, `e2e.ContextInfo`, ..."""

HandshakeMessage: Any = _wa6.HandshakeMessage
ClientPayload: Any = _wa6.ClientPayload
CertChain: Any = _cert.CertChain
NoiseCertificate: Any = CertChain.NoiseCertificate
"""One link of the chain: `details` (encoded `NoiseCertificate.Details`) and `signature` (64 bytes)."""

ADVDeviceIdentity: Any = _adv.ADVDeviceIdentity
ADVSignedDeviceIdentity: Any = _adv.ADVSignedDeviceIdentity
ADVSignedDeviceIdentityHMAC: Any = _adv.ADVSignedDeviceIdentityHMAC

Message: Any = e2e.Message
ProtocolMessage: Any = e2e.ProtocolMessage

HistorySync: Any = definitions("waHistorySync.WAWebProtobufsHistorySync_pb2").HistorySync
SyncdMutation: Any = _server_sync.SyncdMutation
SyncdPatch: Any = _server_sync.SyncdPatch
SyncdRecord: Any = _server_sync.SyncdRecord
SyncdSnapshot: Any = _server_sync.SyncdSnapshot
ExternalBlobReference: Any = _server_sync.ExternalBlobReference
SyncActionData: Any = _sync_action.SyncActionData
SyncActionValue: Any = _sync_action.SyncActionValue
