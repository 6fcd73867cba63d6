"""What a customer is doing: greeting, agreeing, cancelling, asking.

Owns one pattern for each signal, over the canonical text. Several signals may hold at once (`да, спасибо`); which
one matters is the dialogue's to decide. Refuses days, times and names. Invariant: `YES` and `NO` never hold
together.
"""

import re
from enum import StrEnum

from wamesh.worker.understanding.language import ASKS_FOR_LANGUAGE


class Signal(StrEnum):
    """One thing that a text does."""

    BOOK = "book"
    CANCEL = "cancel"
    CANNOT_COME = "cannot_come"
    INSTEAD = "instead"
    ANEW = "anew"
    MOVE = "move"
    LIST = "list"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    YES = "yes"
    NO = "no"
    HELP = "help"
    RESTART = "restart"
    MORE = "more"
    EARLIER = "earlier"
    LATER = "later"
    PRICE = "price"
    ADDRESS = "address"
    SERVICES = "services"
    HUMAN = "human"
    TEAM = "team"
    OTHER_DAY = "other_day"
    RECALL = "recall"
    ALL = "all"
    ALSO = "also"
    HOURS = "hours"
    TOGETHER = "together"
    LANGUAGE = "language"
    OTHER_STAFF = "other_staff"
    UNDECIDED = "undecided"


_CANCEL_VERB = r"(?:отмен\w*|отказ\w*|удал(?:ите|ить|и)|снимите|снять|аннулир\w*|cancel\w*|call off|delete|remove|drop)"
_MOVE_VERB = (
    r"(?:перенес\w*|перенос\w*|перезапи\w*|перепи(?:шите|сать)|(?:с|пере|по|ото)двин\w*|смести(?:те|ть)|reschedul\w*|"
    r"rebook|cancel(?: \w+){0,3} and book|отмен\w+(?: \w+){0,2} и запи\w+|move|postpone|push back|"
    r"(?:push|shift)(?:ed)?(?: \w+){1,3} back|(?:push|shift) (?:it|this|that|my|our|the)|"
    r"(?:bring|pull)(?: \w+){1,4} (?:forward|up)|(?:switch|swap)(?= (?:to|it|this|that|my|our|the))|change|"
    r"измени\w*|поменя\w*|смени(?:те|ть)|переставьте)"
)
_APPOINTMENT = r"(?:запис[ьиью]\w*|брон[ьи]\w*|визит\w*|appointments?|bookings?|reservations?|visits?)"
_CANT = (
    r"(?:(?:не|никак не) (?:смогу|сможем|получится|успеваю|успею|приду|придем|могу) (?:прийти|придти|приехать|быть|"
    r"подойти|подъехать|прибыть)|(?:не|never) (?:прид(?:у|ем|ет|ут)|успева\w+|успе(?:ю|ем))|can't (?:make|come|attend)|"
    r"won't (?:make it|come|be able)|not (?:coming|able to come))"
)

_PATTERNS: dict[Signal, str] = {
    Signal.CANCEL: rf"{_CANCEL_VERB}|(?:don't|do not) (?:need|want) (?:my|the|that|this) {_APPOINTMENT}",
    Signal.CANNOT_COME: _CANT,
    Signal.INSTEAD: r"instead|rather than|(?:is|works|would be|suits me) better|взамен|лучше|"
    r"вместо (?:этого|этой|нее|него|той|того)",
    Signal.ANEW: r"нов(?:ая|ую|ой) (?:запис\w+|брон\w+)|новую|отдельн\w+|еще (?:одну|1) (?:запис\w+|брон\w+)|"
    r"(?:new|another|separate|second|2th) (?:appointment|booking|reservation)|separately|"
    r"keep (?:that|it|both|the first)",
    Signal.TEAM: r"какие (?:у вас )?(?:есть )?мастера|кто (?:у вас )?(?:работает|стрижет|принимает|есть)|ваши мастера|"
    r"кто (?:\w+ )?из мастеров|кто (?:у вас )?(?:делает|может)|who (?:does|can do)|"
    r"(?:who|which) (?:works|stylists|masters|barbers)|your (?:team|stylists|masters|barbers)",
    Signal.LANGUAGE: ASKS_FOR_LANGUAGE,
    Signal.RECALL: r"(?:когда|во сколько|на когда|на какое (?:время|число)|на какой день) (?:я|у меня|мне|мы|у нас)"
    r"(?! (?:можно|могу|можем|смог\w+|лучше|удобно))|(?:я|мы) (?:уже )?записан[аы]?(?! не)|"
    r"(?:when|what time)(?:'s| is) (?:my|our)|(?:when|what time) (?:am i|are we|do i come)|"
    r"what (?:do i have|have i) booked|am i booked|what (?:was|is) (?:the|my) (?:time|date|day|appointment)|"
    r"напомни(?:те)?(?: мне)?(?: пожалуйста)? ?,? ?(?:когда|во сколько|на когда|на какое)",
    Signal.ALL: r"все(?! равно| еще| верно| так| - таки)|обе|оба|all|both|everything",
    Signal.ALSO: r"тоже|также|^(?:и|and)|(?:и|а|да) еще|еще и|плюс|вместе с|"
    r"also|too(?! \w)|as well|plus|in addition|on top",
    Signal.HOURS: r"(?:до|со?|от) скольк\w+|(?:во сколько|когда|с какого часа) (?:вы |у вас )?(?:\w+ )?(?:открыва\w+|"
    r"закрыва\w+|работает\w*)|(?:часы|график|режим|время|расписание) работы|вы (?:\w+ )?(?:работаете|открыты)|"
    r"работаете(?! с)|(?:вы )?(?:открыты|закрыты)|(?:opening|working|business) (?:hours|times)|your hours|"
    r"(?:are|r) (?:you|u) (?:\w+ )?(?:open|closed)|(?:what time|when) (?:do|are) you (?:open|close|working)\w*|"
    r"how late (?:are|do) you|do you (?:open|close|work)",
    Signal.TOGETHER: r"вдвоем|втроем|нас (?:двое|трое|2|3)|на (?:двоих|троих)|на [2-9] человек\w*|"
    r"(?:я|меня|мне|мы) (?:и|с) (?:мо\w+ )?(?:дочк\w+|дочер\w+|сын\w*|муж\w*|жен\w+|мам\w+|пап\w+|подруг\w+|"
    r"друг\w*|ребен\w+|сестр\w+|брат\w*)|(?:2|3|two) (?:of us|people|persons)|both of us|"
    r"(?:me|myself|i) and my \w+|for us (?:2|both)",
    Signal.OTHER_DAY: r"(?:на )?друг(?:ой|ие|ую) (?:день|дни|дату|число)|(?:other|another|different) (?:day|days|date)",
    Signal.MOVE: rf"{_MOVE_VERB}(?: (?:мою|мои|моя|меня|нашу|запись|пожалуйста|my|our|the|this|it|время|день|дату|"
    rf"визит|"
    rf"time|day))* ?{_APPOINTMENT}?|"
    r"(?:на )?друг(?:ое|ой|ую) (?:время|день|дату) (?:перенес\w*|перенос\w*)",
    Signal.LIST: r"(?:мо[яиюй]|наши|наша|my|our) (?:\w+ )?(?:запис[ьиюе]\w*|брон[ьи]\w*|визит\w*|appointments?|"
    r"bookings?|reservations?)|на какое время(?= ?[?.!]*$)|(?:я|мы) (?:уже )?записыва\w+(?! не)|"
    r"(?:есть )?у меня (?:есть )?(?:\w+ )?запис[ьи]|when is the (?:appointment|booking)|"
    r"(?:do|did) i have (?:(?:a|an|any) (?:\w+ )?(?:appointments?|bookings?)|anything booked)",
    Signal.BOOK: r"запи(?:ш|с)\w*|заброн\w*|брониру\w*|хо(?:чу|тел\w*|тим|телось)|можно|(?<!не )(?:нуж(?:на|ен|но|"
    r"ны)|надо)|"
    r"попасть|прийти|есть (?:ли )?(?:\w+ )?(?:свободн\w+|"
    r"мест\w+|время|окн\w+|окошк\w+|запись)|свободн\w+|окошк\w+|окн[оа]|"
    r"book\w*|reserv\w*|schedule|appointments?|available|availability|slots?|free|i(?:'d| would) like|want|need|"
    r"can i (?:come|get|have)|could i (?:come|get|have)|looking for|get (?:a|my)",
    Signal.GREETING: r"привет\w*|здравствуй\w*|здаров\w*|здорово|добр(?:ый|ое|ого|ой) (?:день|вечер\w*|утро|дня|"
    r"времени|утра|"
    r"ночи)|доброго|приветств\w+|хай|салют|"
    r"hi+|hello+|hey+|hiya|good (?:morning|afternoon|evening|day)|greetings|howdy|yo",
    Signal.THANKS: r"спасибо\w*|благодар\w+|thanks?|thank you|thankyou|cheers|appreciated?|мерси|much obliged",
    Signal.GOODBYE: r"до (?:свидания|встречи|скорого)|пока(?! что)(?! не)|всего доброго|всего хорошего|увидимся|"
    r"хорошего (?:дня|вечера)|bye\w*|goodbye|see you|see ya|have a (?:nice|good|great) \w+",
    Signal.HELP: r"помощь|помогите|что (?:ты|вы) (?:умее\w+|може\w+)|как (?:это работает|записаться|тут)|help|"
    r"what can (?:you|i) (?:do|ask)|how (?:does (?:this|it) work|do i book)",
    Signal.RESTART: r"(?:с )?начала|сначала|заново|начать (?:сначала|заново|с начала)|start(?: over| again|"
    r"ing over)?|restart|"
    r"reset|from the (?:start|beginning|top)|забудь(?:те)?|forget it|never ?mind",
    Signal.MORE: r"(?:есть |какие |что |а |покажите |может )?(?:еще|ещё) (?:варианты|вариант|есть|время|какие|что|"
    r"что нибудь|окна|другие)|(?:а )?еще\??|есть еще|"
    r"друг(?:ие|ое|ого|ой) (?:варианты|вариант|время|времени|окна|часы|дни|день|дату)|что нибудь (?:другое|еще)|"
    r"(?:ни одно|ничего|ни один|никакое)(?: из \w+)?(?: \w+)? не (?:подход\w+|подошл\w+|устраива\w+)|"
    r"more(?: options| times| slots)?|other (?:times?|options?|slots?|days?)|another (?:time|option|slot|day)|"
    r"something else|anything else|what else|different (?:time|day)|none of (?:these|them|those|the above)|neither",
    Signal.EARLIER: r"(?:по)?раньше(?! \d)|(?:слишком|очень) поздно|поздновато|too late|(?:по)?ранее|earlier|sooner",
    Signal.LATER: r"(?:по)?позже(?! \d)|(?:слишком|очень) рано|рановато|too early|позднее|попоздней|later(?! than)",
    Signal.PRICE: r"сколько (?:\w+ ){0,3}(?:стоит|стоят|стоить|выйдет|денег)|дорого|дешев\w+|"
    r"сколько (?:по времени|времени|длится|занимает)|как долго|how long (?:does|is|will)|"
    r"цен[аыу]\w*|стоимост\w*|"
    r"прайс\w*|"
    r"почем|расценк\w+|"
    r"how much|prices?|pricing|costs?|price ?list|what do you charge|rates",
    Signal.ADDRESS: r"адрес\w*|где (?:вы|вас|находит\w+|это|салон)|как (?:вас найти|добраться|проехать|доехать)|"
    r"куда (?:ехать|"
    r"приезжать|идти|подъехать)|"
    r"address|where are you|where is (?:it|the|your)|location|located|how (?:do i|can i|to) (?:get there|find you)|"
    r"directions",
    Signal.SERVICES: r"(?:какие|что за|список|перечень|все|ваши) (?:у вас )?(?:есть )?услуг\w*|услуги|"
    r"что (?:вы )?(?:делаете|"
    r"предлагаете|у вас есть)|"
    r"(?:what|which) (?:services|treatments)|(?:list of |your )?services|what do you (?:do|offer|have)|menu",
    Signal.UNDECIDED: r"(?:по)?думаю|(?:по)?думать|(?:по)?думаем|спрошу|уточню|посоветуюсь|решу|"
    r"позже (?:напишу|отвечу|скажу)|напишу позже|maybe later|подожди(?:те)?|"
    r"погоди(?:те)?|wait|hold on|(?:1|just a) (?:moment|sec|second|minute)|минут(?:у|ку|очку)|"
    r"(?:let me|i'll|i will|need to|have to) (?:think|check|ask|see)|"
    r"get back to you|let you know",
    Signal.OTHER_STAFF: r"кто (?:- )?нибудь (?:другой|еще)|(?:к |у |с )?друг(?:ой|ому|ого|им|ая) (?:мастер\w*|"
    r"специалист\w*)|(?:someone|anyone|somebody|anybody) else|(?:another|different|other) (?:stylist|master|barber|"
    r"person|hairdresser)",
    Signal.HUMAN: r"опозда\w+|опаздыва\w+|задерж\w+|(?:running|be|i'm) (?:\w+ ){0,3}late|"
    r"оператор\w*|администратор\w*|менеджер\w*|жив(?:ой|ого|ым) человек\w*|с человеком|позовите|"
    r"operator|human|"
    r"real person|manager|receptionist|speak (?:to|with) (?:someone|somebody|a)|talk to (?:someone|somebody|a)",
}
_COMPILED = {signal: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") for signal, pattern in _PATTERNS.items()}

_YES = re.compile(
    r"(?<!\w)(?:да+|ага|угу|ок|окей|оки|океи|хорошо|ладно|ладненько|подход(?:ит|ят)|подойд(?:ет|ут)|устраива(?:ет|"
    r"ют)|конечно|верно|правильно|соглас(?:ен|на|ны)|"
    r"пойдет|годится|отлично|супер|класс|замечательно|прекрасно|идеально|чудесно|записывай(?:те)?|бронируй(?:те)?|"
    r"подтвержда\w+|именно|точно|разумеется|естественно|"
    r"обязательно|давай(?:те)?|ес|буду|беру|берем|без проблем|не вопрос|не против|почему бы и нет|неплохо|можно|"
    r"все верно|"
    r"yes+|yep|yup|yeah+|yea|y|ok|okay|k|kk|okey|sure|fine|good|great|perfect|excellent|awesome|cool|lovely|works|"
    r"correct|right|exactly|absolutely|definitely|"
    r"certainly|of course|confirm\w*|agreed?|go ahead|please do|do it|book it|let's do it|sounds (?:good|great|"
    r"fine|perfect)|why not|go for it|no problem|not bad|alright|aye|i'll take it|"
    r"д)(?!\w)|^\+$|(?<![\w·])\+(?= ?$)"
)
_NO = re.compile(
    r"(?<!\w)(?:да нет|нет|неа|не+т|не надо|не нужно|не хочу|не буду|не стоит|не подход\w+|не подойд\w+|"
    r"не устраива\w+|не согла\w+|не сейчас|не то|не так|не верно|неверно|"
    r"неправильно|никак|ни в коем случае|стоп|stop|нельзя|передумал[аи]?|отбой|отставить|спасибо не надо|не|"
    r"no+|nope|nah|not really|no thanks?|no thank you|don't|do not|negative|never|n|(?:doesn't|don't|"
    r"won't) (?:work|suit|fit)|changed my mind|wrong|incorrect|not (?:now|this|that|good|right|interested))(?!\w)"
)
_HIDDEN_YES = re.compile(
    r"(?<!\w)(?:не вопрос|без проблем|не против|почему бы и нет|неплохо|no problem|no worries|not bad|why not|"
    r"не позже|не раньше|не позднее|не ранее|"
    r"не могли|не подскаж\w+|нет ли|есть ли|или нет|don't mind|не важно|неважно|no (?:preference|later|earlier|"
    r"matter))(?!\w)"
)
_BUT_NOT_YES = re.compile(r"(?<!\w)(?:не|not|isn't|doesn't|don't) (?:\w+ )?$")
COURTESIES = re.compile(
    r"(?<!\w)(?:добр(?:ый|ое|ого|ой) (?:день|вечер\w*|утро|дня|времени(?: суток)?|утра|ночи)|good (?:morning|"
    r"afternoon|evening|day)|"
    r"хорошего (?:дня|вечера)|have a (?:nice|good|great) \w+|до завтра(?= ?[!.)]*$)|"
    r"стоп|stop|see you (?:on |next )?(?!in )\w+)(?!\w)"
)


def find_signals(canonical: str) -> frozenset[Signal]:
    """Every signal of the canonical text."""
    found = {signal for signal, pattern in _COMPILED.items() if pattern.search(canonical)}
    found |= _consent(canonical)
    if Signal.RECALL in found:
        found.add(Signal.LIST)
    if Signal.MOVE in found:
        found.discard(Signal.CANCEL)
    return frozenset(found)


def _consent(canonical: str) -> set[Signal]:
    """Yes or no, whichever was said last; a negated yes is a no."""
    plain = _HIDDEN_YES.sub(lambda match: "да" if match.group() in _AGREEING else "", canonical)
    no = [match.start() for match in _NO.finditer(plain)]
    yes = [match.start() for match in _YES.finditer(plain) if not _BUT_NOT_YES.search(plain[: match.start()])]
    if not yes and not no:
        return set()
    return {Signal.NO} if no and (not yes or no[0] <= yes[0] or no[-1] > yes[-1]) else {Signal.YES}


_AGREEING = frozenset(
    (
        "не вопрос",
        "без проблем",
        "не против",
        "почему бы и нет",
        "неплохо",
        "no problem",
        "no worries",
        "not bad",
        "why not",
    )
)
