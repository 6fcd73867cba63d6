"""What a company offers, as the dialogue needs it: names to recognise, names to show, prices, the zone.

Owns plain values; the runner fills them from ListServices and ListStaff. Refuses to know protobuf, hours or bookings:
what is free is booking's to say. Invariant: ids are unique within a catalogue.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

Language: TypeAlias = Literal["ru", "en"]


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of money; `nanos` are billionths of a unit, as in google.type.Money. No currency means unknown."""

    currency: str = ""
    units: int = 0
    nanos: int = 0

    def __bool__(self) -> bool:
        return bool(self.currency) and (self.units, self.nanos) != (0, 0)


@dataclass(frozen=True, slots=True)
class Service:
    """Something bookable. `names` by language code; `aliases` are what customers call it in any language."""

    id: int
    name: str
    names: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    duration: timedelta = timedelta()
    price: Price = Price()
    staff_ids: tuple[int, ...] = ()

    def name_in(self, language: Language) -> str:
        """The name to show in this language, else the company's own."""
        return self.names.get(language) or self.name

    def all_names(self) -> tuple[str, ...]:
        """Every name it may be called by, without repetition."""
        return tuple(dict.fromkeys((self.name, *self.names.values(), *self.aliases)))


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody who does services. `names` by language code."""

    id: int
    name: str
    names: Mapping[str, str] = field(default_factory=dict)
    service_ids: tuple[int, ...] = ()

    def name_in(self, language: Language) -> str:
        """The name to show in this language, else the company's own."""
        return self.names.get(language) or self.name

    def all_names(self) -> tuple[str, ...]:
        """Every spelling of the name, without repetition."""
        return tuple(dict.fromkeys((self.name, *self.names.values())))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One company: who it is, what it offers, who works there."""

    company_id: int
    name: str
    zone: ZoneInfo
    language: Language = "ru"
    address: str = ""
    services: tuple[Service, ...] = ()
    staff: tuple[StaffMember, ...] = ()

    def service(self, service_id: int) -> Service | None:
        """The service of this id, or None once it was archived."""
        return next((each for each in self.services if each.id == service_id), None)

    def staff_member(self, staff_id: int) -> StaffMember | None:
        """The staff member of this id, or None once archived."""
        return next((each for each in self.staff if each.id == staff_id), None)

    def does(self, staff_id: int, service_ids: Iterable[int]) -> bool:
        """Whether this person does any of the services; unknown relations count as yes."""
        services = [service for each in service_ids if (service := self.service(each)) is not None]
        return any(staff_id in each.staff_ids or not each.staff_ids for each in services) or not services

    def can_do_without(self, staff_ids: Collection[int], service_ids: Iterable[int]) -> bool:
        """Whether somebody is left for each of the services; unknown relations count as yes."""
        services = (service for each in service_ids if (service := self.service(each)) is not None)
        return not any(set(staff_ids).issuperset(each.staff_ids) for each in services if each.staff_ids)

    def service_names(self, ids: Iterable[int], language: Language) -> str:
        """The names of the services in this order, joined by ` + `; unknown ids are left out."""
        found = (self.service(each) for each in ids)
        return " + ".join(each.name_in(language) for each in found if each is not None)

    def staff_names(self, ids: Iterable[int], language: Language) -> str:
        """The names of the staff in this order, joined by commas; unknown ids are left out."""
        found = (self.staff_member(each) for each in ids)
        return ", ".join(each.name_in(language) for each in found if each is not None)
