"""The send that waits for its ack."""

import threading

from wamesh.whatsapp.in_flight import InFlight

FOREVER = 60.0


def sending(ack: float = FOREVER, replay: float = FOREVER) -> InFlight[str, str]:
    return InFlight("3EB0A1", "frame", ack, replay)


def test_ack_ends_the_wait() -> None:
    """The ack that came is what wait returns."""
    message = sending()
    message.settle("ack")
    assert message.wait() == "ack"


def test_ack_wakes_the_waiting_sender() -> None:
    """An ack from another thread wakes the sender."""
    message = sending()
    threading.Thread(target=message.settle, args=("ack",)).start()
    assert message.wait() == "ack"


def test_wait_ends_without_an_ack() -> None:
    """When the time is over the fate is unknown, and the connection was there to the end."""
    message = sending(ack=0)
    assert (message.wait(), message.disconnected) == (None, False)


def test_connection_lost_for_good_ends_the_wait() -> None:
    """After a final event nobody waits on."""
    message = sending()
    message.lose(for_good=True)
    assert (message.wait(), message.disconnected) == (None, True)


def test_lost_frame_is_repeated_once() -> None:
    """After a loss the next login repeats the frame, and a login without a loss repeats nothing."""
    message = sending()
    assert message.replay() is None
    message.lose(for_good=False)
    assert (message.replay(), message.replay()) == ("frame", None)


def test_late_login_repeats_nothing() -> None:
    """When the replay time is over the frame stays unsent, for its sender has been told that nobody knows."""
    message = sending(replay=0)
    message.lose(for_good=False)
    assert (message.replay(), message.wait()) == (None, None)


def test_acked_frame_is_not_repeated() -> None:
    """An ack that was read before the loss settles the matter."""
    message = sending()
    message.settle("ack")
    message.lose(for_good=False)
    assert (message.replay(), message.wait()) == (None, "ack")
