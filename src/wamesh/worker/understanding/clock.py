"""The grammar of times of day: one phrase to one clock reading, or to a part of the day.

Hours and minutes (`18:30`, `18.30`, `в 7 вечера`, `6pm`), halves and quarters (`полседьмого`, `half past six`, `без
четверти 7`, `quarter to six`, `10 минут седьмого`), noon, and named parts (`утром`, `after lunch`). Owns that
grammar. Refuses the words around it (after, until, between): times.py. Invariant: a reading is minutes since local
midnight, in [0, 1440); an hour without *am*, *утра* and the like stays ambiguous, with every reading it may have,
the literal one first.
"""

import re
from typing import TypeAlias

Readings: TypeAlias = tuple[int, ...]
"""Minutes since midnight that a phrase may mean: 1 or 2 of them."""

NOON = 12 * 60
HALF_DAY = 12 * 60

_MARKER = (
    r"(?: ?в)? ?(?:утра|утром|дня|днем|вечера|вечером|ночи|am|pm|in the morning|in the afternoon|in the evening|"
    r"at night)(?!\w)"
)
_HOUR = r"(?: ?(?:час(?:ов|а|ам|у)?|часик\w+|ч|o'clock|oclock|h|hrs|hours)(?!\w)\.?)"
_MINUTE = r"(?: ?(?:минут\w*|мин|м|minutes?|mins?)(?!\w)\.?)"
_NOT_AN_HOUR = (
    r"(?!th|gen|\d)(?! ?(?:день|дн[яей]\w*|недел\w*|месяц\w*|days?|weeks?|months?|раза?|человек\w*|чел|people|"
    r"persons?|guests?|"
    r"услуг\w*|services?|руб\w*|р|₽|\$|€|£|тыс\w*|процент\w*|%|числ\w*|лет|год\w*|years?|минут\w*|мин|minutes?|mins?|"
    r"пальц\w*|стриж\w*|haircuts?|cuts?|trims?|маникюр\w*|manicures?|"
    r"педикюр\w*|pedicures?|вариант\w*|option\w*|of us|адрес\w*|телефон\w*)(?!\w))(?! ?[.:/]\d)"
)


def clock_pattern(name: str, *, bare: bool) -> str:
    """A pattern of one clock phrase, its groups prefixed with `name`.

    `bare` allows a lone number (`7`); without it a sign of time is needed: minutes, an hour word, am/pm, a half.
    """
    alternatives = [
        rf"без (?P<{name}wq>четверти|\d{{1,2}}){_MINUTE}? (?P<{name}wh>\d{{1,2}}|час)(?:gen|th)?{_HOUR}?",
        rf"(?:a )?(?P<{name}eq>quarter|half|\d{{1,2}}){_MINUTE}? (?P<{name}ed>past|to|before|after|till) "
        rf"(?P<{name}eh>\d{{1,2}}(?!\d| ?:)){_HOUR}?",
        rf"(?P<{name}hw>пол|половин[аеуы]|half)(?: -)? (?P<{name}hh>\d{{1,2}}(?!\d| ?:)|час\w*)(?:gen|th)?{_HOUR}?",
        rf"(?P<{name}mq>четверть|\d{{1,2}}){_MINUTE}? (?P<{name}mh>\d{{1,2}})gen",
        rf"(?P<{name}h>\d{{1,2}})(?:[:.](?P<{name}c>\d{{2}})(?![.\d]){_HOUR}?|"
        rf"{_HOUR} (?P<{name}n>\d{{2}}){_MINUTE}?(?!\d)|{_HOUR}|(?={_MARKER}))",
        rf"(?P<{name}sh>\d{{1,2}}) (?P<{name}sn>00|05|10|15|20|25|30|35|40|45|50|55)(?![\d.:]|th|gen| ?(?:человек|"
        rf"минут|мин)\w*)",
        rf"(?P<{name}noon>полдень|полудня|полудню|noon|midday|полночь|полуночи|midnight)",
    ]
    if bare:
        alternatives += [
            rf"(?P<{name}lh>[01]\d|2[0-3])(?P<{name}ln>[0-5][05])(?!\d| ?(?:руб\w*|р|₽|\$|€|£))",
            rf"(?P<{name}one>час(?:у|а)?)(?! пик)(?:(?= дня))?",
            rf"(?P<{name}b>\d{{1,2}}){_NOT_AN_HOUR}",
        ]
    return "(?:" + "|".join(alternatives) + rf")(?P<{name}m>{_MARKER})?"


def read_clock(match: re.Match[str], name: str) -> Readings | None:
    """The readings of the clock phrase `name` in the match; None when no clock shows it."""
    groups = match.groupdict()
    said = {key.removeprefix(name): text for key, text in groups.items() if text and key.startswith(name)}
    if "noon" in said:
        return (0,) if re.match("полноч|полуноч|midnight", said["noon"]) else (NOON,)
    if "one" in said:
        return (13 * 60,)
    hour, minute = _hour_and_minute(said)
    certain = said.get("h", "").startswith("0") and "c" in said
    return readings(hour, minute, said.get("m", ""), certain=certain)


def _hour_and_minute(said: dict[str, str]) -> tuple[int, int]:
    if "wh" in said:
        hour = int(said["wh"]) if said["wh"].isdigit() else 1
        return _minutes_before(hour, 15 if said["wq"] == "четверти" else int(said["wq"]))
    if "eh" in said:
        minutes = {"quarter": 15, "half": 30}.get(said["eq"]) or int(said["eq"])
        ahead = said["ed"] in ("past", "after")
        return (int(said["eh"]), minutes) if ahead else _minutes_before(int(said["eh"]), minutes)
    if "hh" in said:
        hour = int(said["hh"]) if said["hh"].isdigit() else 1
        return (hour, 30) if said["hw"] == "half" else _minutes_before(hour, 30)
    if "mh" in said:
        return _minutes_before(int(said["mh"]), 60 - (15 if said["mq"] == "четверть" else int(said["mq"])))
    hour = int(next(said[key] for key in ("h", "sh", "lh", "b") if key in said))
    return hour, int(next((said[key] for key in ("c", "n", "sn", "ln") if key in said), "0"))


def _minutes_before(hour: int, minutes: int) -> tuple[int, int]:
    """`без пяти час` is 12:55."""
    return (hour - 1 or 12, 60 - minutes) if 0 < hour <= 24 and 0 <= minutes < 60 else (-1, 0)


def readings(hour: int, minute: int, marker: str, *, certain: bool = False) -> Readings | None:
    """Every clock reading of an hour with or without its part of the day; None when there is none."""
    if not (0 <= hour <= 24 and 0 <= minute < 60) or (hour == 24 and minute):
        return None
    total = (hour * 60 + minute) % 1440
    if marker:
        return _marked(total, marker)
    if certain or total >= 13 * 60 or hour == 0:
        return (total,)
    return (total, (total + HALF_DAY) % 1440)


def _marked(total: int, marker: str) -> Readings:
    if re.search(r"утр|am|morning", marker):
        return (total % HALF_DAY,) if total < 13 * 60 else (total,)
    if re.search(r"ноч|night", marker) and (total < 6 * 60 or total == NOON):
        return (total % HALF_DAY,)
    return (total,) if total >= HALF_DAY else (total + HALF_DAY,)


PARTS: tuple[tuple[str, int, int], ...] = (
    (r"(?:рано утром|ранним утром|с самого утра|early (?:in the )?morning|1th thing)", 6, 10),
    (r"(?:поздн\w+ вечер\w*|попозже вечером|late (?:in the )?evening|late at night|late night)", 20, 24),
    (r"(?:ближе к вечеру|под вечер|к вечеру|late (?:in the )?afternoon|early evening|towards evening)", 16, 20),
    (r"(?:после обеда|послеобеден\w+|после ланча|(?:во |на )?2th\w* половин\w+(?: дня)?|after lunch)", 13, 18),
    (r"(?:до обеда|до ланча|(?:в |на )?1th\w* половин\w+(?: дня)?|before lunch)", 6, 13),
    (r"(?:после работы|после рабочего дня|after work|after office hours)", 18, 24),
    (r"(?:до работы|перед работой|before work)", 6, 10),
    (r"(?:после школы|после учебы|после уроков|after school)", 14, 20),
    (r"(?:до вечера|before (?:the )?evening)", 6, 17),
    (r"(?:до полудня|before noon|before midday|in the forenoon)", 6, 12),
    (r"(?:после полудня|after noon|after midday)", 12, 18),
    (r"(?:утром|с утра|по утрам|утречком|на утро|утра|утро|утрам|(?:in the |on the )?mornings?)", 6, 12),
    (
        r"(?:в обед|обеденн\w+|в районе обеда|ближе к обеду|к обеду|на обед|обедом|(?:at |around |"
        r"during )?(?:lunch ?time|lunch))", 12, 14),
    (r"(?:(?:in the |this )?afternoons?)", 12, 18),
    (
        r"(?:вечерами|вечером|вечерком|по вечерам|на вечер|в вечернее|вечернее|веч|вечер|вечеру|(?:in the |"
        r"this )?evenings?|after dark)", 17, 24),
    (r"(?:ночью|на ночь|по ночам|at night|nights?)", 21, 24),
    (
        r"(?:днем|в дневное|среди дня|в середине дня|на день|midday|in the middle of the day|(?:in the |"
        r"during the )?daytime|during the day)", 11, 17),
    (r"(?:не (?:очень |слишком |сильно )?рано|not (?:too |very |so )?early)", 11, 24),
    (r"(?:не (?:очень |слишком |сильно )?поздно|not (?:too |very |so )?late)", 0, 19),
)  # fmt: skip
"""Parts of the day: pattern, first hour, hour after the last. First match wins."""
