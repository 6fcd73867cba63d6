"""The keep-alive's clockwork, by hand."""

from wamesh.whatsapp.keep_alive import KeepAlive, KeepAlivePace, Step

PACE = KeepAlivePace(every=25, patience=10, give_up=180)


def steps_until(keep_alive: KeepAlive, end: int, *, answering: bool) -> list[tuple[int, Step]]:
    """Runs the clock second by second and notes each step that is due."""
    taken: list[tuple[int, Step]] = []
    for now in range(end + 1):
        step = keep_alive.step(now)
        if step is not Step.NOTHING:
            taken.append((now, step))
        if answering and step is Step.ASK:
            keep_alive.answered(now)
    return taken


def test_answered_questions_repeat() -> None:
    """While answers come, there is a question every 25 s and nothing else."""
    taken = steps_until(KeepAlive(PACE, 0), 80, answering=True)
    assert taken == [(25, Step.ASK), (50, Step.ASK), (75, Step.ASK)]


def test_silence_is_reported_then_given_up() -> None:
    """An unanswered question is reported after 10 s, asked again, and after 180 s of silence the connection is over."""
    taken = steps_until(KeepAlive(PACE, 0), 180, answering=False)
    assert taken[:4] == [(25, Step.ASK), (35, Step.REPORT_SILENCE), (60, Step.ASK), (70, Step.REPORT_SILENCE)]
    assert taken[-1] == (180, Step.DIAL_ANEW)
    assert [step for _, step in taken].count(Step.DIAL_ANEW) == 1


def test_first_answer_after_silence_restores() -> None:
    """An answer restores only when a silence was reported."""
    keep_alive = KeepAlive(PACE, 0)
    steps_until(keep_alive, 35, answering=False)
    assert (keep_alive.answered(36), keep_alive.answered(37)) == (True, False)


def test_waiting_time_is_exact() -> None:
    """`seconds_left` counts down to the next step and is never negative."""
    keep_alive = KeepAlive(PACE, 0)
    assert [keep_alive.seconds_left(now) for now in (0, 24, 25, 99)] == [25, 1, 0, 0]
