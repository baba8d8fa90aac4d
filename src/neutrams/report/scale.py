"""The seven steps of colour that floor plan and ledger share, and their legend."""

from neutrams.report.markup import Markup, join, tag

STEPS = 7


def step(value: float, top: float) -> int:
    """Return the colour step of ``value`` on a scale from 0 to ``top``: 0 for nothing, else 1 … 7."""
    if value <= 0 or top <= 0:
        return 0
    return min(max(int(STEPS * value / top + 1 - 1e-9), 1), STEPS)


def legend(ramp: str, low: str, high: str, what: str) -> Markup:
    """Return a strip of the seven colours of ``ramp`` (``use`` or ``load``) between its ends."""
    swatches = (tag("span", class_=f"swatch {ramp}{i}") for i in range(1, STEPS + 1))
    strip = tag("span", *swatches, class_="strip", aria_hidden="true")
    return tag("p", what, " ", tag("span", join(low, " ", strip, " ", high), class_="ends"), class_="legend")
