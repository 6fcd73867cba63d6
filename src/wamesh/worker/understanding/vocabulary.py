"""The words that the rules look for, so that a typo of one can be told from a word of its own.

Owns the lists; the rules themselves live with their topic. Refuses names: those come from the catalogue. Invariant:
every word is lower case and has `ё` written `е`.
"""


def words(text: str) -> frozenset[str]:
    """The words of the text."""
    return frozenset(text.split())


WEEKDAY_PATTERNS: tuple[str, ...] = (
    r"понедельник\w*|пн|пон|mon|mondays?",
    r"вторник\w*|вт|tue|tues|tuesdays?",
    r"сред(?:а|у|ы|е|ой|ам)|ср|wed|weds|wednesdays?",
    r"четверг\w*|чт|thu|thur|thurs|thursdays?",
    r"пятниц\w*|пт|fri|fridays?",
    r"суббот\w*|сб|sat|saturdays?",
    r"воскресень\w*|вс|вскр|sun|sundays?",
)
"""Monday first."""

MONTH_PATTERNS: tuple[str, ...] = (
    r"январ\w*|янв|january|jan",
    r"феврал\w*|фев|february|feb",
    r"март(?:а|е|у|ом)?|мар|march|mar",
    r"апрел\w*|апр|april|apr",
    r"ма(?:й|я|е|ю)|may",
    r"июн(?:ь|я|е|ю)|июн|june|jun",
    r"июл(?:ь|я|е|ю)|июл|july|jul",
    r"август\w*|авг|august|aug",
    r"сентябр\w*|сен|сент|september|sept|sep",
    r"октябр\w*|окт|october|oct",
    r"ноябр\w*|ноя|нояб|november|nov",
    r"декабр\w*|дек|december|dec",
)
"""January first."""

RUSSIAN = words(
    """
    понедельник понедельника понедельнику понедельникам вторник вторника вторнику вторникам среда среду среды среде
    четверг четверга четвергу четвергам пятница пятницу пятницы пятнице пятницам суббота субботу субботы субботе
    субботам воскресенье воскресенья воскресенью воскресеньям
    январь января январе февраль февраля феврале март марта марте апрель апреля апреле июнь июня июне июль июля июле
    август августа августе сентябрь сентября сентябре октябрь октября октябре ноябрь ноября ноябре декабрь декабря
    декабре сегодня завтра послезавтра вчера позавчера сейчас
    неделя неделю недели неделе недель следующий следующая следующую следующей следующем следующие следующих
    ближайший ближайшая ближайшую ближайшее ближайшие ближайшей будущий будущей будущую этой этот выходные выходных
    выходной будни будние будням числа число через после месяц месяца месяце начале середине конце
    утро утра утром утречком днем дня обед обеда обеду обедом вечер вечера вечером вечерком вечеру ночью ночи полдень
    полудня половина половине половину четверть четверти час часа часов часу часам часиков минут около позже попозже
    раньше пораньше поздно рано работы
    запись записи записать записаться запишите запиши записалась записался записывайте запишусь записана записан
    забронировать забронируйте бронь бронируйте хочу хотел хотела хотелось нужно нужна нужен можно свободно свободное
    свободные окно окошко окошки время времени
    отменить отмените отмена отмени отменяю отменим отменяйте удалите перенести перенесите перенос перенеси перезаписать
    поменять поменяйте поменяем поменяю поменяли изменить измените сдвинуть сдвиньте подвинуть подвиньте передвинуть
    передвиньте сменить смените
    привет здравствуйте здравствуй добрый доброе доброго спасибо благодарю спасибочки
    подходит подойдет подойдут подошло устраивает согласен согласна хорошо конечно давайте давай отлично
    пожалуйста неудобно получится получается могу может любой любое любая любую любому какой какие какая сколько стоит
    стоимость прайс адрес находитесь администратор администратора администратором
    оператор оператора оператором человек человеком
    услуги услуг помощь вариант варианта варианты
    вариантов последний последнее последняя первый второй третий мастер мастера мастеру мои моя мою мне меня другое
    другие другой другого другим другому другую
    передумал передумала сначала заново ничего кроме только
    """
)

ENGLISH = words(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
    october november december today tonight tomorrow yesterday weekend weekday weekdays weekends next this week weeks
    month months days before after afternoon morning mornings evening evenings night noon midday lunch lunchtime
    between until around o'clock half past quarter early earlier earliest late later latest
    book booking bookings appointment appointments reservation reserve schedule available availability slot slots
    cancel cancelled cancellation delete reschedule move change postpone
    hello good thanks thank please perfect sure okay great works yeah anything anytime whatever either
    don't doesn't can't won't isn't not need want would like could free open time times
    option number last first second third other another different more none price prices cost address where services
    service human operator administrator help start over restart master stylist anyone anybody except only except
    """
)

PROTECTED = words(
    """
    завтрак завтрака завтраки среднюю средний средняя средние средних втором пятна пятно нужны можете вечная рад
    дома дочке сыну мама папа муж жена цена цены цену дорого какое каком котором этого эти этих тогда чтобы очень меня
    буду будет
    может могут надо давно работа работаете работает записка день дне днях людей ваши ваша ваш вашу если когда куда
    think thing things
    before book look cook hair nail nails sunny there their these those your yours with will would week weak morning
    match matches mach both month mouth price prize time times slot slow free from form have what when which that
    whether weather better letter light night right might sight
    """
)
"""Words near a vocabulary word that mean something else."""

KNOWN = RUSSIAN | ENGLISH | PROTECTED
