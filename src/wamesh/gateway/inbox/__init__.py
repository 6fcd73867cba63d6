"""What customers wrote: stored before anybody is told, delivered until somebody acks."""
