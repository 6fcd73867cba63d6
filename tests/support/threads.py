"""Stand-ins for what threads wait on."""

import threading


class Loans(threading.Event):
    """Counts how often the loop stood still; the first time is told to `first`, in the loop's own thread."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.first = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.count += 1
        self.first.set()
        return True
