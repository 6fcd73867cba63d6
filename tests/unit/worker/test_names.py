"""Which services and which staff a customer names."""

import pytest
from support.worker_salon import CATALOGUE, NOW

from wamesh.worker.understanding import understand

ANNA, MARIA, OLEG = 1, 2, 3
WOMEN, MEN, MANICURE, COLOURING, BEARD = 1, 2, 3, 4, 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("к Анне на маникюр", ANNA),
        ("запишите к анне", ANNA),
        ("у Анны", ANNA),
        ("с Анной", ANNA),
        ("к Ане", ANNA),
        ("с аней", ANNA),
        ("а Анечка завтра работает?", ANNA),
        ("with Anna please", ANNA),
        ("anya", ANNA),
        ("Is Maria free on Friday?", MARIA),
        ("у Марии можно?", MARIA),
        ("марии", MARIA),
        ("к маши", MARIA),
        ("к Марие", MARIA),
        ("с Олегом", OLEG),
        ("к Олегу на 5", OLEG),
        ("with Olegg", OLEG),
        ("k Olegu zavtra", OLEG),
        ("not Anna, Maria please", MARIA),
        ("не к Олегу, а к Марии", MARIA),
    ],
)
def test_a_person_is_found_in_any_case_and_script(text: str, expected: int) -> None:
    """Case endings, short names, the other script, one slip."""
    assert understand(text, NOW, CATALOGUE).staff.wanted == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("не к Анне", {ANNA}), ("not Anna, Maria please", {ANNA}), ("anybody but Oleg", {OLEG}), ("кроме Марии", {MARIA})],
)
def test_a_denied_person_is_unwanted(text: str, expected: set[int]) -> None:
    """`не к Анне`, `anybody but Oleg`."""
    assert understand(text, NOW, CATALOGUE).staff.unwanted == expected


@pytest.mark.parametrize(
    "text", ["к любому мастеру", "к кому угодно", "мне без разницы к какому мастеру", "anyone is fine"]
)
def test_anyone_will_do(text: str) -> None:
    """The customer does not mind who."""
    staff = understand(text, NOW, CATALOGUE).staff
    assert (staff.anyone, staff.wanted) == (True, ())


@pytest.mark.parametrize("text", ["any time", "завтра", "марта", "и маникюр", "записаться", "on Monday"])
def test_a_common_word_is_nobody(text: str) -> None:
    """Words near a name are not the name."""
    assert understand(text, NOW, CATALOGUE).staff.wanted == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Хочу на мужскую стрижку", (MEN,)),
        ("женская стрижка завтра", (WOMEN,)),
        ("men's haircut", (MEN,)),
        ("мужу подстричься", (MEN,)),
        ("маникюр", (MANICURE,)),
        ("маникюрчик", (MANICURE,)),
        ("на манекюр", (MANICURE,)),
        ("zapishite menya na manikur", (MANICURE,)),
        ("Мне бы ноготочки сделать", (MANICURE,)),
        ("manicure on Friday", (MANICURE,)),
        ("how much is a manicure", (MANICURE,)),
        ("color my hair", (COLOURING,)),
        ("хочу покраситься", (COLOURING,)),
        ("стрижка бороды", (BEARD,)),
        ("хочу бороду подравнять", (BEARD,)),
        ("beard trim", (BEARD,)),
        ("окрашивание и маникюр", (COLOURING, MANICURE)),
        ("не мужская стрижка, а маникюр", (MANICURE,)),
    ],
)
def test_a_service_is_found(text: str, expected: tuple[int, ...]) -> None:
    """Endings, verbs, the other language, slips; several of them in one visit."""
    assert sorted(understand(text, NOW, CATALOGUE).services.chosen) == sorted(expected)


@pytest.mark.parametrize(
    "text", ["хочу на стрижку", "I want a haircut", "постричься бы", "Стиржка завтра", "стрижечку"]
)
def test_a_word_that_fits_several_services_chooses_none(text: str) -> None:
    """The dialogue asks."""
    services = understand(text, NOW, CATALOGUE).services
    assert (services.chosen, services.options) == ((), (WOMEN, MEN))


def test_a_service_that_is_not_offered_is_named() -> None:
    """So that the customer can be told."""
    assert understand("педикюр завтра", NOW, CATALOGUE).services.unknown == "педикюр"
