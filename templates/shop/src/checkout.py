"""Adds up a basket."""

from decimal import Decimal


def total(prices: list[Decimal], discount: Decimal = Decimal(0)) -> Decimal:
    """The sum of ``prices`` less ``discount``, never below zero."""
    if discount < 0:
        raise ValueError("a discount is not negative")
    return max(sum(prices, Decimal(0)) - discount, Decimal(0))
