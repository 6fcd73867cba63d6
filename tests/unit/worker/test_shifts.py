"""By how much a visit shall move, in Russian and English; and what only looks like it."""

import pytest
from support.worker_salon import CATALOGUE, NOW

from wamesh.worker.understanding import Shift, understand


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("на час позже", 60),
        ("можно на 2 часа раньше?", -120),
        ("half an hour earlier", -30),
        ("an hour later", 60),
        ("на полтора часа попозже", 90),
        ("перенесите на 15 минут", 15),
        ("сдвиньте на пару часов", 120),
        ("подвиньте на час назад", -60),
        ("push it by 30 minutes", 30),
        ("can you push my appointment back an hour?", 60),
        ("bring my appointment forward by an hour", -60),
        ("move it up half an hour", -30),
        ("move it a couple of hours later", 120),
        ("the same time on Friday, move it please", 0),
        ("перенесите на пятницу на то же время", 0),
        ("лучше в пятницу в то же время", 0),
        ("friday at the same time", 0),
        ("тоже время", 0),
    ],
)
def test_a_time_counts_from_the_visit(text: str, minutes: int) -> None:
    """No hour of the day is meant."""
    said = understand(text, NOW, CATALOGUE)
    assert (said.shift, said.times.exact, said.times.ranges) == (Shift(minutes=minutes), None, ())


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("перенесите на день позже", 1),
        ("на неделю раньше можно?", -7),
        ("перенесите на 2 дня", 2),
        ("перенесите на неделю", 7),
        ("сдвиньте на недельку вперед", 7),
        ("postpone it by a week", 7),
        ("move my appointment 2 days", 2),
        ("let's do it a day later", 1),
        ("move it to the same day", 0),
        ("перенесите, но в тот же день", 0),
    ],
)
def test_a_day_counts_from_the_visit(text: str, days: int) -> None:
    """No day of the calendar is meant."""
    said = understand(text, NOW, CATALOGUE)
    assert (said.shift, said.days.wanted, said.times.exact) == (Shift(days=days), None, None)


@pytest.mark.parametrize(
    "text",
    [
        "перенесите на 2 часа",
        "перенесите на следующую неделю",
        "я записался час назад",
        "запишите на неделе",
        "опаздываю на полчаса",
        "стрижка на час",
        "move it to Friday",
        "shift my booking from 17:30 to 18:30",
    ],
)
def test_what_names_a_moment_is_no_shift(text: str) -> None:
    """A clock or a calendar reads it, or nobody does."""
    assert not understand(text, NOW, CATALOGUE).shift


def test_the_time_that_is_left_is_not_asked_for() -> None:
    """`from 17:30 to 18:30` of a move is no range."""
    assert understand("move it from 17:30 to 18:30", NOW, CATALOGUE).times.exact == 18 * 60 + 30
