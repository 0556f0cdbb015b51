"""Messages of the option parser: they name the rejected value and what was expected."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from edgetrack.cli import app


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--threads", "0", "1"),
        ("--threads", "two", "integer"),
        ("--deadline-ms", "soon", "number"),
        ("--on-ambiguous", "perhaps", "wait"),
        ("--log-format", "yaml", "json"),
        ("--camera", "front", "integer"),
    ],
)
def test_rejected_value_is_named(option: str, value: str, expected: str) -> None:
    result = CliRunner().invoke(app, ["run", "--text", "car", option, value])
    said = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in said
    assert f"'{value}'" in said or f" {value} " in said  # versions of Typer differ in the quotes
    assert expected in said
    assert "Value error" not in said
    assert "Input should" not in said
