"""Exact money.

Here: the precision every amount is kept in, parsing, splitting an amount without losing a unit, currency codes.
Not here: currency conversion (dated rates are data, so it happens in dbt).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from math import lcm

SCALE = 12
"""Digits after the point: ``decimal(38,12)`` in every table."""

QUANTUM = Decimal(1).scaleb(-SCALE)
"""The smallest amount that can be stored: 0.000000000001."""

SQL_TYPE = f"decimal(38,{SCALE})"

_LARGEST = Decimal(10) ** (38 - SCALE)
_WORK_DIGITS = 80  # Python's default of 28 digits would round a 38-digit amount
_AMOUNT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")

CURRENCIES = frozenset(
    re.findall(
        r"[A-Z]{3}",
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
        CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
        GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
        LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
        PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT
        TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG
        XDR XOF XPD XPF XPT XSU XUA YER ZAR ZMW ZWG ZWL
        """,
    )
)
"""ISO 4217 codes: those withdrawn lately are kept, as old bills have them; XXX and XTS are left out: no currencies."""


_MINOR_DIGITS = {
    code: digits
    for digits, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    )
    for code in re.findall("[A-Z]{3}", codes)
}
"""Digits of the minor unit where they are not two: ISO 4217, list one."""


class MoneyError(ValueError):
    """An amount that cannot be kept exactly as ``decimal(38,12)``."""


def parse_amount(text: str) -> Decimal:
    """Read an amount as billing files write it, rounded half-even to 12 digits after the point.

    Accepts plain and exponent notation (``1E-7``) with a ``.`` as decimal point. Thousands separators, currency
    signs and decimal commas are refused, because ``1,234`` means two different amounts in two countries.

    Raises:
        MoneyError: the text is not a finite number or does not fit into 38 digits.
    """
    stripped = text.strip()
    if not _AMOUNT.fullmatch(stripped):
        raise MoneyError(f"{text!r} is not an amount; write it like 1234.56, with a point and no separators")
    return quantise(Decimal(stripped))


def quantise(amount: Decimal) -> Decimal:
    """Round half-even to 12 digits after the point. Negative zero becomes zero.

    Raises:
        MoneyError: the amount is not finite or does not fit into 38 digits.
    """
    if not amount.is_finite():
        raise MoneyError(f"{amount} is not an amount of money")
    if amount.copy_abs() >= _LARGEST:
        raise MoneyError(f"{amount} does not fit into {SQL_TYPE}")
    with localcontext() as context:
        context.prec = _WORK_DIGITS
        rounded = amount.quantize(QUANTUM, rounding=ROUND_HALF_EVEN) + 0
    if rounded.copy_abs() >= _LARGEST:
        raise MoneyError(f"{amount} does not fit into {SQL_TYPE}")
    return rounded


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum: Python's own would round beyond 28 digits."""
    with localcontext() as context:
        context.prec = _WORK_DIGITS
        return sum(amounts, Decimal(0))


def in_minor_units(amount: Decimal, currency: str) -> Decimal:
    """Rounded half-even to what can be paid: cents of USD, whole JPY, thousandths of KWD (ISO 4217)."""
    with localcontext() as context:
        context.prec = _WORK_DIGITS
        places = _MINOR_DIGITS.get(currency, 2)
        return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN) + 0


def split(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split ``amount`` in proportion to ``weights`` so that the parts sum to it exactly.

    Largest-remainder method on whole units of 0.000000000001: every part is rounded towards minus infinity, then the
    units left over go one each to the parts that lost most, the earlier of two equals first. It works alike for
    charges and refunds. dbt's macro ``split_exactly`` does the same in SQL.

    Args:
        amount: positive, negative or zero; more than 12 digits after the point are rounded half-even first.
        weights: at least one; none negative; not all zero.

    Raises:
        MoneyError: no weights, a weight that is negative or not finite, or only zeros (choose a fallback driver
            before calling).
    """
    if not weights:
        raise MoneyError("cannot split an amount between nobody")
    if not all(weight.is_finite() and weight >= 0 for weight in weights):
        raise MoneyError("weights must be finite and not negative")
    shares = _whole_numbers(weights)
    total = sum(shares)
    if total == 0:
        raise MoneyError("all weights are zero: choose a fallback driver")
    amount = quantise(amount)
    with localcontext() as context:
        context.prec = _WORK_DIGITS
        units = int(amount.scaleb(SCALE))
        divided = [divmod(units * share, total) for share in shares]
        parts = [part for part, _ in divided]
        by_loss = sorted(range(len(parts)), key=lambda i: (-divided[i][1], i))
        for i in by_loss[: units - sum(parts)]:
            parts[i] += 1
        return [Decimal(part).scaleb(-SCALE) for part in parts]


def _whole_numbers(weights: Sequence[Decimal]) -> list[int]:
    """The same proportions without fractions, so that no division rounds."""
    ratios = [weight.as_integer_ratio() for weight in weights]
    common = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (common // denominator) for numerator, denominator in ratios]
