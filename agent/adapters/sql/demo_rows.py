"""The demo database's rows, the same on every machine and Python version.

The numbers come from a generator written out here, because no promise is made that a library's
own draws stay the same from one version to the next.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from agent.adapters.sql.demo_words import (
    CITIES,
    COMPANIES,
    FIRST_NAMES,
    HEATING,
    MAKERS,
    PROPERTIES,
    STREETS,
    SURNAMES,
)

Row = tuple[str | int | float | None, ...]
T = TypeVar("T")

CUSTOMERS, PROPERTY_COUNT, UNITS, YEARS = 240, 600, 3_000, (2022, 2023, 2024)
READ_YEARS = (2020, 2021, 2022, 2023, 2024)
_MASK = (1 << 64) - 1
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", " ": "-"})


class Meter(msgspec.Struct, frozen=True):
    """One type of device."""

    typ: str
    unit: str
    """What it counts; empty when it is never read."""
    per_year: float
    """Typical consumption of a year."""
    digits: int
    valid_years: int
    """Years until its calibration runs out; 0 when none is required."""


METERS = (
    Meter("Heizkostenverteiler", "Einheiten", 900.0, 0, 0),
    Meter("Heizkostenverteiler", "Einheiten", 650.0, 0, 0),
    Meter("Heizkostenverteiler", "Einheiten", 400.0, 0, 0),
    Meter("Warmwasserzähler", "m³", 24.0, 2, 6),
    Meter("Warmwasserzähler", "m³", 18.0, 2, 6),
    Meter("Kaltwasserzähler", "m³", 40.0, 2, 6),
    Meter("Wärmemengenzähler", "kWh", 7_200.0, 0, 6),
    Meter("Rauchwarnmelder", "", 0.0, 0, 0),
)


class Draws:
    """A seeded sequence of numbers (SplitMix64)."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, count: int) -> int:
        """Return the next number in [0, ``count``)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % count

    def between(self, low: int, high: int) -> int:
        """Return the next number in [``low``, ``high``]."""
        return low + self.below(high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of ``choices``."""
        return choices[self.below(len(choices))]

    def day(self, first: date, last: date) -> date:
        """Return a day from ``first`` to ``last``."""
        return first + timedelta(days=self.below((last - first).days + 1))


def customers(draws: Draws) -> Iterator[Row]:
    """Rows of ``kunden``."""
    for number in range(1, CUSTOMERS + 1):
        surname, first = draws.pick(SURNAMES), draws.pick(FIRST_NAMES)
        company = draws.below(3) > 0
        name = draws.pick(COMPANIES).format(surname) if company else f"{surname}, {first}"
        local = f"{'verwaltung' if company else first}.{surname}{number}".lower()
        since = draws.day(date(1998, 1, 1), date(2023, 12, 31))
        email = f"{local.translate(_ASCII)}@kunden.example"
        yield (number, f"K-{10_000 + number}", name, *_address(draws), email, since.isoformat())


def properties(draws: Draws) -> Iterator[Row]:
    """Rows of ``objekte``; every customer has at least one."""
    for number in range(1, PROPERTY_COUNT + 1):
        owner = number if number <= CUSTOMERS else draws.between(1, CUSTOMERS)
        street, code, city = _address(draws)
        called = draws.pick(PROPERTIES).format(street.rsplit(" ", 1)[0])
        built, heating = draws.between(1890, 2021), draws.pick(HEATING)
        yield (number, owner, f"O-{200_000 + number}", called, street, code, city, built, heating)


def units(draws: Draws) -> Iterator[Row]:
    """Rows of ``nutzeinheiten``: two in every property, the others by chance."""
    homes = [home for home in range(1, PROPERTY_COUNT + 1) for _ in range(2)]
    homes += [draws.between(1, PROPERTY_COUNT) for _ in range(UNITS - len(homes))]
    within = previous = 0
    for number, home in enumerate(sorted(homes), 1):
        within = within + 1 if home == previous else 1
        previous = home
        surname = f"{draws.pick(SURNAMES)}, {draws.pick(FIRST_NAMES)}"
        occupant = "Leerstand" if draws.below(25) == 0 else surname
        yield (
            number,
            home,
            f"{within:02}",
            occupant,
            _floor(within),
            draws.between(280, 1450) / 10,
        )


def devices(draws: Draws) -> Iterator[Row]:
    """Rows of ``geraete``: two or three in every unit."""
    number = 0
    for unit in range(1, UNITS + 1):
        for _ in range(2 + draws.below(2)):
            number += 1
            meter = draws.pick(METERS)
            built_in = draws.day(date(2014, 1, 1), date(2022, 6, 30))
            until = f"{built_in.year + meter.valid_years}-12-31" if meter.valid_years else None
            serial = f"{draws.between(10, 99)}{7_000_000 + number * 13}"
            yield (number, unit, serial, meter.typ, draws.pick(MAKERS), built_in.isoformat(), until)


def readings(draws: Draws, mounted: Sequence[Row]) -> Iterator[Row]:
    """Rows of ``ablesungen``: one a year for every device that counts, each above the last."""
    kinds = {meter.typ: meter for meter in METERS}
    number = 0
    for device in mounted:
        meter, built_in = kinds[str(device[3])], date.fromisoformat(str(device[5]))
        value, usual = 0.0, meter.per_year * draws.between(50, 150) / 100
        for year in READ_YEARS if meter.unit else ():
            day = date(year, 12, 31) - timedelta(days=draws.below(21))
            if day <= built_in:
                continue
            number += 1
            value = round(value + usual * draws.between(75, 125) / 100, meter.digits)
            yield (number, device[0], day.isoformat(), value, meter.unit)


def billings(draws: Draws) -> Iterator[Row]:
    """Rows of ``abrechnungen``: one for each property and year, the older the more settled."""
    number = 0
    for home in range(1, PROPERTY_COUNT + 1):
        base = draws.between(250_000, 3_200_000)
        for year in YEARS:
            number += 1
            cost = base * draws.between(85, 130) // 100 / 100
            yield (number, home, year, cost, _status(draws, year))


def _address(draws: Draws) -> tuple[str, str, str]:
    city, codes = draws.pick(CITIES)
    return f"{draws.pick(STREETS)} {draws.between(1, 148)}", draws.pick(codes), city


def _floor(within: int) -> str:
    floor = (within - 1) // 2
    match floor:
        case 0:
            return "EG"
        case 1 | 2 | 3 | 4:
            return f"{floor}. OG"
        case _:
            return "DG"


def _status(draws: Draws, year: int) -> str:
    if year < YEARS[-1]:
        return "bezahlt" if draws.below(20) else "versendet"
    return draws.pick(("offen", "offen", "in Prüfung", "versendet", "bezahlt"))
