"""``edgetrack parse``: show how a text is understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack.cli.options import Model, Words
from edgetrack.cli.wanted import without_all

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.parsing import ParsedText

ParsedTexts = Annotated[
    list[str], typer.Argument(metavar="TEXT...", help='Description of a target, such as "red car".')
]


def parse_command(text: ParsedTexts, words: Words = None, model: Model = None) -> None:
    """Show how a text is understood: noun, attributes, position, relation, number, negation, unknown words."""
    from edgetrack.bundle import Bundle
    from edgetrack.parsing import parse
    from edgetrack.terminal import open_console

    console, bundle = open_console(), Bundle.open(model)
    for number, one in enumerate(text):
        if number:
            console.print()
        print_parsed(console, parse(one, bundle=bundle, words=words))


def hint_of(text: str) -> str:
    """Return the sentence for a text that means several objects."""
    every = f'--every "{without_all(text)}"'
    return f"text {text!r} means several objects, but --text tracks only one; to track all of them: {every}"


def print_parsed(console: Console, parsed: ParsedText) -> None:
    """Print a line for each part of the text."""
    from rich.text import Text

    from edgetrack.cli.tables import open_table

    table = open_table(console)
    table.add_column("text", no_wrap=True)
    table.add_column(parsed.text, overflow="fold")
    count = {0: "all", 1: ""}.get(parsed.count, str(parsed.count))
    rows = {
        "in English": parsed.english if parsed.english != parsed.text else "",
        "meaning": parsed.meaning,
        "noun": parsed.noun,
        "attributes": ", ".join(parsed.attributes),
        "position": ", ".join(parsed.positions),
        "relation": ", ".join(parsed.relations),
        "number": count,
        "not": ", ".join(parsed.negated),
        "unknown words": ", ".join(parsed.unknown or ()),
    }
    for name, said in rows.items():
        if said:
            table.add_row(name, Text(said, style="yellow" if name == "unknown words" else ""))
    console.print(table)
    for advice in (parsed.advice, hint_of(parsed.text) if parsed.plural else None):
        if advice is not None:
            console.print(Text(advice, style="yellow"), soft_wrap=True)
