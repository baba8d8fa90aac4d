"""Numbers as people read them: SI prefixes, percentages, counts."""

import math

DASH = "–"
_PREFIXES = {-5: "f", -4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}


def si(value: float | None, unit: str, digits: int = 3) -> str:
    """Return ``value`` [unit] with an SI prefix and ``digits`` significant digits: 1.23e-6, "J" → "1.23 µJ"."""
    if value is None:
        return DASH
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}".strip()
    rounded = float(f"{value:.{digits - 1}e}")
    group = min(max(math.floor(math.log10(abs(rounded)) / 3 + 1e-9), min(_PREFIXES)), max(_PREFIXES))
    return f"{significant(rounded / 1000.0**group, digits)} {_PREFIXES[group]}{unit}".strip()


def significant(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant digits, plain where it is between 0.001 and a million."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-12)
    if not -4 < exponent < 6:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(digits - 1 - exponent, 0)}f}"


def percent(fraction: float | None, digits: int = 2) -> str:
    """Return a fraction as a percentage: 0.9712 → "97.12 %"."""
    return DASH if fraction is None else f"{100 * fraction:.{digits}f} %"


def points(before: float | None, after: float | None) -> str:
    """Return after - before in percentage points with its sign: "−0.10 points"."""
    if before is None or after is None:
        return DASH
    difference = round(100 * (after - before), 2)
    sign = "−" if difference < 0 else "+" if difference > 0 else "±"
    return f"{sign}{abs(difference):.2f} points"


def count(value: float | None) -> str:
    """Return a count with a comma at each thousand."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def plural(value: int, noun: str) -> str:
    """Return "1 core", "2,000 cores"."""
    return f"{count(value)} {noun}" if value == 1 else f"{count(value)} {noun}s"


def wilson(fraction: float, samples: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a fraction seen in ``samples`` trials.

    References:
        Wilson (1927), eq. 6. doi:10.1080/01621459.1927.10502953
    """
    if samples < 1:
        return 0.0, 1.0
    spread = z * math.sqrt(fraction * (1 - fraction) / samples + z * z / (4 * samples * samples))
    middle, scale = fraction + z * z / (2 * samples), 1 + z * z / samples
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)
