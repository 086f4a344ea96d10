"""How numbers, money and times are written, the same in the terminal, on the page and in messages.

Here: text for people.
Not here: rounding that is calculated with; exports write exact values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from finops.money import in_minor_units

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
_ACRONYMS = {"gpu": "GPU", "ai": "AI", "api": "API", "llm": "LLM", "sql": "SQL", "saas": "SaaS"}


def _fixed(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    text = f"{abs(rounded):,.{places}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def _with_currency(text: str, currency: str) -> str:
    """``USD 12``, ``−USD 12``, ``<USD 1``: a sign stands before the currency."""
    number = text.lstrip(f"<>{MINUS}")
    return f"{text.removesuffix(number)}{currency}{NBSP}{number}"


def money(amount: Decimal, currency: str) -> str:
    """``USD 12,345``; two decimals below 100."""
    return _with_currency(_fixed(amount, 0 if abs(amount) >= 100 or amount == 0 else 2), currency)


def whole_money(amount: Decimal, currency: str) -> str:
    """``USD 12,345`` without decimals, for columns that are read from top to bottom."""
    if amount != 0 and abs(amount) < Decimal("0.5"):
        return _with_currency("<1" if amount > 0 else f">{MINUS}1", currency)
    return _with_currency(_fixed(amount, 0), currency)


def payable(amount: Decimal, currency: str) -> str:
    """``USD 12,345.67``: to what can be paid, for statements."""
    rounded = in_minor_units(amount, currency)
    return f"{currency}{NBSP}{MINUS if rounded < 0 else ''}{abs(rounded):,f}"


def signed_money(amount: Decimal, currency: str) -> str:
    """``+USD 1,234`` or ``−USD 1,234``."""
    sign = "+" if amount > 0 else MINUS if amount < 0 else ""
    return f"{sign}{money(abs(amount), currency)}"


def amounts(money: Mapping[str, Decimal], *, signed: bool = False) -> str:
    """Money of several currencies: ``USD 1,204 + EUR 3``; a dash where there is none."""
    shown = signed_money if signed else whole_money
    joined = ", " if signed else " + "
    return joined.join(shown(amount, code) for code, amount in sorted(money.items()) if amount) or "–"


def unit_money(amount: Decimal, currency: str) -> str:
    """Cost of one unit with at least three significant digits: ``USD 4.27``, ``USD 0.0312``."""
    size = abs(amount)
    places = 0 if size >= 1000 else 2
    if 0 < size < 1:
        places = min(max(2, 2 - size.adjusted()), 8)
    return _with_currency(_fixed(amount, places), currency)


def compact(value: Decimal | float | int) -> str:
    """``1.2M``, ``34.5K``, ``987``: three significant digits at most."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    for size, letter in ((12, "T"), (9, "B"), (6, "M"), (3, "K")):
        # 999,950 rounds to a million, so it is written as one
        if abs(number) >= Decimal("0.9995").scaleb(size):
            scaled = number.scaleb(-size)
            return f"{_fixed(scaled, 0 if abs(scaled) >= 100 else 1).removesuffix('.0')}{letter}"
    return _fixed(number, 0 if abs(number) >= 100 or number == number.to_integral_value() else 1)


def whole(value: Decimal | float | int) -> str:
    """``12,345``."""
    return _fixed(Decimal(str(value)), 0)


def percent(share: Decimal | float, places: int = 0) -> str:
    """``96%`` of a ratio 0.96. A share just below 100% is never rounded up to it, a tiny one never down to nothing."""
    value = Decimal(str(share)) * 100
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    if rounded == 100 and value < 100:
        return f"{_fixed(value, places + 1)}%" if value < Decimal("99.95") else "99.9%"
    if rounded == 0 and value > 0:
        return f"<{_fixed(Decimal(1).scaleb(-places), places)}%"
    return f"{_fixed(value, places)}%"


def signed_percent(share: Decimal | float, places: int = 0) -> str:
    """``+12%``, ``−3%``, ``0%``."""
    text = f"{_fixed(Decimal(str(share)) * 100, places)}%"
    return text if text.startswith(MINUS) or not any(c in "123456789" for c in text) else f"+{text}"


def day(value: date) -> str:
    """``18 Oct 2026``."""
    return f"{value.day} {value:%b %Y}"


def short_day(value: date) -> str:
    """``18 Oct``."""
    return f"{value.day} {value:%b}"


def month(value: date) -> str:
    """``October 2026``."""
    return f"{value:%B %Y}"


def moment(value: datetime) -> str:
    """``20 Oct 2026, 06:00 UTC``."""
    return f"{day(value)}, {value:%H:%M} UTC"


def age(hours: float) -> str:
    """``5 hours``, ``2 days``."""
    if hours < 48:
        count = max(round(hours), 0)
        return f"{count} hour{'' if count == 1 else 's'}"
    return f"{round(hours / 24)} days"


def milliseconds(value: float) -> str:
    """``320 ms``, ``1.4 s``."""
    return f"{value / 1000:,.1f} s" if value >= 1000 else f"{value:,.0f} ms"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 day``, ``3 days``, ``no days``."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{'no' if number == 0 else f'{number:,}'} {noun}"


def humanise(name: str) -> str:
    """``ticket_resolved`` → ``Ticket resolved``: identifiers as labels."""
    words = [_ACRONYMS.get(word, word) for word in name.replace("_", " ").split()]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
