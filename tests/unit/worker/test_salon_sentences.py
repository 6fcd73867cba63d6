"""What customers of a salon write, and what of it is about a visit. Now is Sunday, 22 November 2026, 16:00 in Berlin.

Each line: the message, then what was read: services, staff, days, times.
"""

from collections.abc import Sequence
from datetime import date, datetime

import pytest
from support.worker_salon import ZONE, demo_catalogue

from wamesh.worker.calendar_words import minute_text
from wamesh.worker.understanding import Days, Shift, Staff, Times, Understanding, understand

CATALOGUE = demo_catalogue()
NOW = datetime(2026, 11, 22, 16, 0, tzinfo=ZONE)

SENTENCES = """
    на завтра в 6 свободно? -> 11-23, 18:00
    можно на маник в сб? -> Manicure, 11-28
    есть окошко сегодня после работы? -> 11-22, 18:00-24:00
    мне бы постричься -> Haircut
    запишите меня плиз к олегу на пятницу на 15 -> Oleg, 11-27, 15:00
    а что есть в понедельник утром? -> 11-23, 06:00-12:00
    19:00 -> 19:00
    в семь -> 19:00
    полвосьмого -> 19:30
    без пятнадцати шесть -> 17:45
    any chance for a trim tmrw after 5? -> Haircut, 11-23, 17:00-24:00
    book me in w/ Anna next fri 3pm -> Anna, 11-27, 15:00
    can i get a beard trim on the 25th -> Beard trim, 11-25
    sat or sun morning works -> 11-28, 11-29, 06:00-12:00
    can we move it to Thursday? -> 11-26
    перенесите пожалуйста на час позже -> +60 min
    на 25-го -> 11-25
    на двадцать пятое можно? -> 11-25
    25 ноября стрижка -> Haircut, 11-25
    25.11 в 14:30 -> 11-25, 14:30
    25/11 haircut -> Haircut, 11-25
    Nov 25th, 2pm -> 11-25, 14:00
    через неделю -> 11-29
    через 3 дня маникюр -> Manicure, 11-25
    в эти выходные -> 11-22
    на той неделе -> 11-23..11-29
    this coming Monday -> 11-23
    послезавтра в обед -> 11-24, 12:00-14:00
    31 февраля -> impossible
    вчера -> past
    30.02 -> impossible
    запишите на 31 ноября -> impossible
    не завтра, а в пятницу -> 11-27
    только не утром -> 00:00-06:00, 12:00-24:00
    anyone but Oleg -> not Oleg
    кроме Анны -> not Anna
    стрижка и маникюр в субботу -> Haircut + Manicure, 11-28
    хочу стрижку, лучше к Анне, и маникюр -> Haircut + Manicure, Anna
    haircut, no wait, a manicure -> Manicure
    хочу записать меня и дочку на стрижку -> Haircut
    privet, hochu na strijku zavtra -> Haircut, 11-23
    сколько стоит стрижка? -> Haircut
    а маникюр почем -> Manicure
    how much is a colour? -> Colouring
    во сколько открываетесь в субботу? -> 11-28
    вы сегодня работаете? -> 11-22
    ЗАПИШИТЕ НА СТРИЖКУ ЗАВТРА В 12:00 -> Haircut, 11-23, 12:00
    стришка завтро в 5 вечера -> Haircut, 11-23, 17:00
    маникур в четвег -> Manicure, 11-26
    manicure tomorow at noon -> Manicure, 11-23, 12:00
    haircuut on wensday -> Haircut, 11-25
    завтра не могу, давайте в среду -> 11-25
    лучше во вторник после обеда -> 11-24, 13:00-18:00
    можно к Марии на педикюр в эту пятницу часов в 6 вечера? -> Pedicure, Maria, 11-27, 18:00
    к Маше на ногти -> Manicure, Maria
    с Анной в понедельник, после 17 -> Anna, 11-23, 17:00-24:00
    хочу к Ане покраситься в начале декабря -> Colouring, Anna, 12-01..12-10
    на первое декабря -> 12-01
    1 декабря в 11 утра -> 12-01, 11:00
    5-го декабря, в первой половине дня -> 12-05, 06:00-13:00
    во второй половине дня в четверг -> 11-26, 13:00-18:00
    в четверг вечером после 7 -> 11-26, 19:00-24:00
    до 12 в субботу -> 11-28, 00:00-12:00
    между 3 и 5 -> 15:00-17:00
    с 10 до 13 в пятницу -> 11-27, 10:00-13:00
    часиков в 11 завтра -> 11-23, 11:00
    около двух -> 14:00
    где-то к трём -> 15:00
    к 18 в понедельник -> 11-23, 18:00
    в 18.30 -> 18:30
    в 18-30 завтра -> 11-23, 18:30
    завтра 1830 -> 11-23, 18:30
    завтра 18 30 -> 11-23, 18:30
    полпервого в субботу -> 11-28, 12:30
    в половине шестого -> 17:30
    четверть третьего -> 14:15
    без двадцати пять -> 16:40
    без четверти 4 во вторник -> 11-24, 15:45
    в час дня -> 13:00
    в 2 часа дня завтра -> 11-23, 14:00
    в 8 вечера -> 20:00
    в 9 утра -> 09:00
    в полдень -> 12:00
    quarter to three -> 14:45
    half past ten tomorrow -> 11-23, 10:30
    at 7ish -> 19:00
    around 4 -> 16:00
    after lunch on Tuesday -> 11-24, 13:00-18:00
    tues arvo if possible -> 11-24, 12:00-18:00
    tonight? -> 11-22, 17:00-24:00
    this evening works -> 11-22, 17:00-24:00
    Do u have anything on thurs? -> 11-26
    fri 27th 5:30pm w/ oleg for a shave -> Beard trim, Oleg, 11-27, 17:30
    I need my nails done before the weekend -> Manicure, 11-22..11-27
    mani pedi on sat -> Manicure + Pedicure, 11-28
    Need a cut and colour w Anna -> Haircut + Colouring, Anna
    could you squeeze me in today? -> 11-22
    any slots left for the 1st? -> 12-01
    Dec 3 -> 12-03
    3rd of December at 11am -> 12-03, 11:00
    the day after tomorrow -> 11-24
    in two weeks -> 12-06
    two weeks from today -> 12-06
    a week from tomorrow -> 11-30
    next week any day after 6pm -> 11-23..11-29, 18:00-24:00
    weekday evenings -> 11-23, 11-24, 11-25, 11-26, 11-27, 11-30, 17:00-24:00
    mornings only pls -> 06:00-12:00
    not before 11 -> 11:00-24:00
    no later than 4pm -> 00:00-16:00
    not with Maria please -> not Maria
    someone other than Anna -> not Anna
    without Oleg -> not Oleg
    с кем угодно -> anyone
    мастер не важен -> anyone
    к любому мастеру -> anyone
    no preference on stylist -> anyone
    без разницы к кому -> anyone
    только не к Олегу -> not Oleg
    я хотела бы записаться на окрашивание волос к Анне в ближайшую субботу -> Colouring, Anna, 11-28
    Здравствуйте! Подскажите, пожалуйста, есть ли свободное время на маникюр в эту среду? -> Manicure, 11-25
    Добрый день, хотелось бы подстричь сына -> Haircut
    хочу подстричь бороду завтра -> Beard trim, 11-23
    побриться бы -> Beard trim
    помыть и уложить -> Blow-dry
    прическу на свадьбу 5 декабря -> Blow-dry, 12-05
    ноготочки сделать в пн -> Manicure, 11-23
    педик на чт к 16 -> Pedicure, 11-26, 16:00
    сделать мелирование -> Colouring
    покрасить корни к Ане -> Colouring, Anna
    нужна укладка сегодня вечером -> Blow-dry, 11-22, 17:00-24:00
    blow dry tomorrow morning -> Blow-dry, 11-23, 06:00-12:00
    hair dye with anna -> Colouring, Anna
    мужская стрижка завтра -> Haircut, 11-23
    женскую стрижку у Марии -> Haircut, Maria
    детская стрижка сколько стоит -> Haircut
    отмените мою запись на завтра -> 11-23
    Please cancel tomorrow's haircut -> Haircut, 11-23
    можно перенести на четверг на 12? -> 11-26, 12:00
    push my appointment back an hour -> +60 min
    перезапишите меня на субботу -> 11-28
    давайте на 2 -> 14:00
    11 -> 11:00
    кто из мастеров делает маникюр? -> Manicure
    who does nails? -> Manicure
    запишите на завтра -> 11-23
    завтра -> 11-23
    на пятницу, 27-го, в 3 -> 11-27, 15:00
    в воскресенье 29 ноября -> 11-29
    пн или вт вечером -> 11-23, 11-24, 17:00-24:00
    с понедельника по среду -> 11-23..11-25
    с 24 по 26 ноября -> 11-24..11-26
    mon-wed -> 11-23..11-25
    in the evening on weekdays -> 11-23, 11-24, 11-25, 11-26, 11-27, 11-30, 17:00-24:00
    в будни после шести -> 11-23, 11-24, 11-25, 11-26, 11-27, 11-30, 18:00-24:00
    в пятницу или субботу -> 11-27, 11-28
    на следующей неделе в среду -> 11-25
    zapishite menya na manikyur v subbotu -> Manicure, 11-28
    zavtra v 5 vechera -> 11-23, 17:00
    skolko stoit strizhka -> Haircut
    Привет can I book a haircut на завтра -> Haircut, 11-23
    можно haircut завтра at 5? -> Haircut, 11-23, 17:00
    стрижка завтра 😊 -> Haircut, 11-23
    а с Анной? -> Anna
    а у Марии? -> Maria
    а к Анне на это же время можно? -> Anna, same time
    and with Maria? -> Maria
    is Anna free? -> Anna
    что насчёт субботы? -> 11-28
    how about Friday instead -> 11-27
    а в пятницу? -> 11-27
    а если вечером? -> 17:00-24:00
    а в 17? -> 17:00
    5pm? -> 17:00
    как можно скорее -> 11-22..12-05
    asap please -> 11-22..12-05
    на ближайшее время -> 11-22..12-05
    ближайшее окно на стрижку -> Haircut, 11-22..12-05
    когда ближайшая запись на маникюр? -> Manicure, 11-22..12-05
    soonest slot for nails -> Manicure, 11-22..12-05
    прямо сейчас можно? -> 11-22
    можно сейчас подойти? -> 11-22
    через час можно? -> 11-22, 17:00-24:00
    in an hour? -> 11-22, 17:00-24:00
    в пятницу, ой нет, в субботу -> 11-28
    friday, actually no, saturday at 2 -> 11-28, 14:00
    нет, не в 5, а в 6 -> 18:00
    не Олег, а Анна -> Anna, not Oleg
    не стрижка, а маникюр -> Manicure
    haircut, no wait, a manicure -> Manicure
    стрижка... хотя нет, лучше укладка -> Blow-dry
    мы вдвоем с подругой на маникюр -> Manicure
    two haircuts for me and my son -> Haircut
    hair cut for 2 people tomorrow -> Haircut, 11-23
    стрижка 45 минут? -> Haircut
    24 декабря к Олегу в 10 -> Oleg, 12-24, 10:00
    31.12 -> 12-31
    здрасьте, а на субботу часика в 2 к Маше на маникюрчик можно? -> Manicure, Maria, 11-28, 14:00
    мне нужно подстричься и побриться в один день -> Haircut + Beard trim
    окраска + укладка, 5 декабря с утра -> Colouring + Blow-dry, 12-05, 06:00-12:00
    а есть что-то после 19:00? -> 19:00-24:00
    свободно ли в пятницу в шесть вечера -> 11-27, 18:00
    в четверг или пятницу, но не раньше пяти -> 11-26, 11-27, 17:00-24:00
    до обеда в среду -> 11-25, 06:00-13:00
    хочу в понедельник, но не к Олегу -> not Oleg, 11-23
    к Олегу или к Анне, без разницы -> Oleg, Anna
    сможете принять меня через два дня? -> 11-24
    на эти выходные или на следующей неделе -> 11-22..11-29
    могу только вечером -> 17:00-24:00
    могу только по субботам -> 11-28, 12-05
    с 18 до 20 в любой будний день -> 11-23, 11-24, 11-25, 11-26, 11-27, 11-30, 18:00-20:00
    запись на 28.11.2026 в 13.15 -> 11-28, 13:15
    28 числа -> 11-28
    третьего декабря в полтретьего -> 12-03, 14:30
    в семь сорок пять вечера -> 19:45
    на 9:00 -> 09:00
    на 9 утра завтра -> 11-23, 09:00
    завтра не получается, перенесите на пятницу -> 11-27
    хочу отменить стрижку в пятницу -> Haircut, 11-27
    Would Thursday the 26th at half 4 work? -> 11-26, 16:30
    are there any openings for a pedicure this week? -> Pedicure, 11-22
    my usual with Oleg please -> Oleg
    Is Maria working on Friday? -> Maria, 11-27
    anything w/ Maria between 1 and 4 -> Maria, 13:00-16:00
    first thing tomorrow -> 11-23, 06:00-10:00
    before 10am tmrw -> 11-23, 00:00-10:00
    Any time on Tuesday is fine -> 11-24
    I can't do Friday but Saturday works -> 11-28
    not saturday, sunday the 29th -> 11-29
    make it 4:30 instead -> 16:30
    Tomorrow at 17h -> 11-23, 17:00
    sometime next week in the mornings -> 11-23..11-29, 06:00-12:00
    Dec 24 10am for a shave -> Beard trim, 12-24, 10:00
    on the 5th of December after 2 -> 12-05, 14:00-24:00
    can you do 7 instead? -> 19:00
    what about an hour later? -> +60 min
    how long does colouring take? -> Colouring
    book both a haircut and a blow-dry for next Saturday -> Blow-dry + Haircut, 11-28
    please cancel my booking on Friday -> 11-27
    good morning! can i book for this afternoon? -> 11-22, 12:00-18:00
    v pyatnicu v 18 k Olegu -> Oleg, 11-27, 18:00
    hochu zapisatsya na strizhku -> Haircut
    mozhno na poslezavtra? -> 11-24
"""


def _reading(said: Understanding) -> str:
    services = CATALOGUE.service_names(said.services.chosen, "en")
    parts = (services, *_staff(said.staff), *_shift(said.shift), *_days(said.days), *_times(said.times))
    return ", ".join(each for each in parts if each)


def _staff(staff: Staff) -> Sequence[str]:
    unwanted = CATALOGUE.staff_names(sorted(staff.unwanted), "en")
    wanted = CATALOGUE.staff_names(staff.wanted, "en")
    return wanted, unwanted and f"not {unwanted}", "anyone" if staff.anyone else ""


def _days(days: Days) -> Sequence[str]:
    wanted = days.wanted or ()
    problem = days.problem.kind if days.problem else ""
    if len(wanted) > 2 and (wanted[-1] - wanted[0]).days == len(wanted) - 1:
        return f"{_short(wanted[0])}..{_short(wanted[-1])}", problem
    return *map(_short, wanted), problem


def _short(day: date) -> str:
    return f"{day:%m-%d}"


def _times(times: Times) -> Sequence[str]:
    exact = "" if times.exact is None else minute_text(times.exact)
    ranges = (f"{minute_text(first)}-{minute_text(last)}" for first, last in times.ranges)
    return exact, *ranges


def _shift(shift: Shift) -> Sequence[str]:
    days = "" if shift.days is None else "same day" if shift.days == 0 else f"{shift.days:+} days"
    minutes = "" if shift.minutes is None else "same time" if shift.minutes == 0 else f"{shift.minutes:+} min"
    return days, minutes


@pytest.mark.parametrize("line", SENTENCES.strip().splitlines())
def test_a_message_is_read(line: str) -> None:
    """Clipped, polite, misspelt, transliterated and mixed."""
    message, _, expected = line.strip().partition(" -> ")
    assert _reading(understand(message, NOW, CATALOGUE)) == expected
