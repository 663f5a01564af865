from decimal import Decimal

from src.checkout import total


def test_total() -> None:
    assert total([Decimal(2), Decimal(3)], Decimal(1)) == Decimal(4)
