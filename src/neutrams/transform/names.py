"""How the parts a pass makes of a tensor are named: ``fc1`` → ``fc1 [2/4]`` → ``fc1 [2/4 +]``."""


def part_name(name: str, part: str) -> str:
    """Name part ``part`` of the tensor ``name``; a part of a part joins the labels."""
    origin, given = origin_of(name)
    return f"{origin} [{f'{given} {part}' if given else part}]"


def origin_of(name: str) -> tuple[str, str]:
    """Return (tensor of the source network, part), undoing :func:`part_name`."""
    if name.endswith("]") and " [" in name:
        origin, _, part = name[:-1].rpartition(" [")
        return origin, part
    return name, ""
