"""What ``--help`` lists exists, and the other way round."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from typer.testing import CliRunner

from edgetrack.cli import app, eval_options
from edgetrack.engines import ENGINES, PRECISIONS
from edgetrack.evaluation import types
from edgetrack.peers import Mode

ORDER = (
    "run watch demo unusual export build bench eval replay train parse cameras align doctor models engines targets vot "
    "dataset"
)


def help_of(*command: str) -> str:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "400"})
    assert result.exit_code == 0
    return result.stdout


def test_commands_are_listed_in_the_order_of_use() -> None:
    listed = re.findall(r"^│ (\w+) ", help_of().partition("Commands")[2], re.MULTILINE)
    assert listed == ORDER.split()


@pytest.mark.parametrize("command", ["run", "demo", "bench", "eval", "replay"])
def test_engines_and_precisions_are_listed(command: str) -> None:
    lines = help_of(command).splitlines()
    for option, values in (("--engine", ENGINES), ("--precision", PRECISIONS)):
        [line] = [line for line in lines if f"{option} " in line]
        assert f"{', '.join(values[:-1])} or {values[-1]}" in line


def test_choices_match_those_of_the_evaluation() -> None:
    for choices, literal in (
        (eval_options.Mode, Mode),
        (eval_options.TextControl, types.TextControl),
        (eval_options.ResultFormat, types.ResultFormat),
    ):
        assert tuple(choice.value for choice in choices) == get_args(literal)
