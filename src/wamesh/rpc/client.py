"""Channels to other processes of the mesh: retries, keepalive, health and deadlines, all derived from the contract.

A unary method is retried on UNAVAILABLE when the contract makes that safe: it has no side effects, or is idempotent,
or its request carries a `request_id`. Nothing else is ever retried.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from wamesh.rpc.deadline import DeadlineInterceptor

KEEPALIVE_SECONDS: Final = 20
RETRY_POLICY: Final = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
CHANNEL_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment is for WhatsApp, never between processes of the mesh
    ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # how long one attempt may take: a busy server answers the handshake late
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def open_channel(
    target: str, services: Sequence[ServiceDescriptor], default_timeout_seconds: float = 10.0
) -> grpc.aio.Channel:
    """A channel to the server of these services; dials by itself when first used, and again after each loss.

    Unary calls end at the caller's timeout or the default, and never later than the deadline of the call being served.
    """
    options = (*CHANNEL_OPTIONS, ("grpc.service_config", json.dumps(service_config(services))))
    interceptors = [DeadlineInterceptor(default_timeout_seconds)]
    return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)


def service_config(services: Sequence[ServiceDescriptor]) -> dict[str, Any]:
    """The gRPC service config of the services: retries where safe, round robin over healthy backends."""
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if retry_safe(method)
    ]
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": services[0].full_name},
        "methodConfig": [{"name": names, "retryPolicy": RETRY_POLICY}],
    }


def retry_safe(method: MethodDescriptor) -> bool:
    """True when calling the unary method twice is the same as once."""
    if method.client_streaming or method.server_streaming:
        return False
    declared = method.GetOptions().idempotency_level
    named = method.input_type.fields_by_name.get("request_id")
    return declared != MethodOptions.IDEMPOTENCY_UNKNOWN or named is not None
