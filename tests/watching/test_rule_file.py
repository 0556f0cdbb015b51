"""The file of rules: its content, and errors with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.errors import ConfigError
from edgetrack.watching.rule import Rule
from edgetrack.watching.rule_file import read_rules


def test_file_has_rules_with_and_without_names(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "fall"\nwhen = "a person falls"\n\n[[rule]]\nwhen = "a car stops"\n')
    assert read_rules(path) == [Rule.parse("a person falls", "fall"), Rule.parse("a car stops")]


FIRST = '[[rule]]\nwhen = "a person falls"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file has no rule"),
        ("rule = 3", "line 1: 'rule' is not a list of tables"),
        (FIRST + '\n[[rule]]\nwen = "a car stops"\n', "line 5: 'wen' is unknown in [[rule]]; expected when"),
        (FIRST + "[[rule]]\n\nwhen = 7\n", "line 5: when is 7; expected a string"),
        (FIRST + '[[rule]]\nname = "x"\n', "line 3: a rule has no 'when'"),
        (FIRST + '[[rule]]\nname = "x"\nwhen = "a car flies by"\n', "line 5: the rule 'a car flies by' is not under"),
        (FIRST + '[[rule]]\nwhen = "a person falls"\n', "line 3: the rule 'a person falls' is given twice"),
        (FIRST + '[[rule]]\nname = "a\\nb"\nwhen = "a car stops"\n', "line 4: the name of a rule is 'a\\nb'"),
        ('[[zone]]\nname = "x"', "line 1: 'zone' is unknown; expected [[rule]]"),
        ("[[rule", "is not TOML"),
    ],
)  # fmt: skip
def test_error_is_reported_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_rules(path)
    assert said in str(raised.value)
    assert str(raised.value).startswith(f"rules {path}")


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_rules(tmp_path / "none.toml")
