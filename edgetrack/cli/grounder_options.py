"""The option of ``edgetrack run`` for a detector that finds the target of a text."""

from __future__ import annotations

from typing import Annotated

from edgetrack.cli.engine_options import Rule
from edgetrack.cli.options import option

GrounderOption = Annotated[
    str | None,
    option(
        "Detector that finds the target of the text in the whole frame: a bundle of owlv2, owlvit or groundingdino, a "
        "model, or the TOML file of a detector.",
        "--grounder",
        panel="Engine",
        metavar="DIR|NAME|FILE.toml",
    ),
]


def grounder_rules(rules: dict[str, Rule], *, text: bool, given: bool) -> dict[str, Rule]:
    """Return the rules of --grounder, and of the option that it makes ineffective, in addition to ``rules``."""
    grounder, strict = rules["grounder"], rules["strict"]
    if grounder[0] and not text:
        grounder = (False, "--text is not given")
    if strict[0] and given:
        strict = (False, "a grounder finds words that the model was not trained on")
    return {"grounder": grounder, "strict": strict}
