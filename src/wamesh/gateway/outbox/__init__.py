"""What the company sends: stored before the wire, sent as often as it was asked for, its outcome known or in doubt."""
