"""The worker room: answers customers. A gRPC client of the gateway and of booking; it owns no calendar and no
session.
"""
