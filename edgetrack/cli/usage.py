"""What the option parser says of a value that it refuses."""

from __future__ import annotations

_PREFIX = "Value error, "  # of pydantic, with which recent versions of Typer check values
_RULE = "Input should be "


def usage_message(error: BaseException, said: str) -> str:
    """Return the parser's message in one sentence that names the value.

    Args:
        error: The error of the option parser.
        said: Its message. Those of pydantic, its cause, do not name the value.
    """
    said = said.removeprefix(_PREFIX)
    if not said.startswith(_RULE):
        return said
    rule, _, _ = said.removeprefix(_RULE).partition(", unable to parse")
    errors = getattr(error.__cause__, "errors", None)
    value = errors()[0].get("input") if callable(errors) else None
    return f"{value!r} should be {rule}" if isinstance(value, (str, int, float)) else f"it should be {rule}"
