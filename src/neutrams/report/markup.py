"""HTML and SVG text in which everything is escaped unless it was built here."""

from html import escape


class Markup(str):
    """Text that is already markup; only :func:`tag`, :func:`join` and :func:`verbatim` make it."""

    __slots__ = ()


Child = str | int | float | None
"""A plain string is escaped, `Markup` is not, numbers are printed, None is left out."""

_VOID = frozenset({"meta", "br", "hr", "rect", "line", "path", "circle", "col"})


def join(*children: Child) -> Markup:
    """Return the children one after another."""
    return Markup("".join(_text(child) for child in children))


def tag(name: str, /, *children: Child, **attributes: Child) -> Markup:
    """Return one element; ``class_`` gives ``class``, ``stroke_width`` gives ``stroke-width``; None leaves one out."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{name}{pairs}/>")
    return Markup(f"<{name}{pairs}>{join(*children)}</{name}>")


def verbatim(text: str) -> Markup:
    """Take text of ours (style sheet, script) as it is; never text of a user."""
    return Markup(text)


def table(head: tuple[str, ...], rows: list[Markup], caption: str, **attributes: Child) -> Markup:
    """Return a table that scrolls sideways where it is too wide.

    Args:
        head: Text of each column's head; `numeric` ones stand over numbers.
        rows: The ``tr`` elements.
        caption: What the table shows.
        **attributes: Of the ``table`` element.
    """
    cells = (text if isinstance(text, Markup) else tag("th", text, scope="col") for text in head)
    body = tag("tbody", *rows)
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", *cells)), body, **attributes)
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def numeric(*heads: str) -> tuple[Markup, ...]:
    """Return the heads of columns of numbers, for :func:`table`: aligned with them."""
    return tuple(tag("th", text, scope="col", class_="number") for text in heads)


def _text(child: Child) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Markup) else escape(str(child))
