"""The TOML file of rules. Each error names the line."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.watching.rule import Rule
from edgetrack.zone_file import line_of, read_toml

EXAMPLE = '[[rule]] with name = "too close" and when = "a person is near the red car for 10 seconds"'
KEYS = ("name", "when")


def read_rules(path: Path) -> list[Rule]:
    """Read the rules of a file: tables ``[[rule]]``, each with a sentence ``when`` and optionally a ``name``.

    Raises:
        ConfigError: The file cannot be read or is not as documented; the message has the line.
    """
    text, content = read_toml(path, "rules", EXAMPLE)
    lines = text.splitlines()

    def error(line: int, said: str) -> ConfigError:
        return ConfigError(f"rules {path}, line {line}: {said}")

    for key in content:
        if key != "rule":
            raise error(line_of(lines, key), f"{key!r} is unknown; expected [[rule]] for each rule")
    tables = content.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise error(line_of(lines, "rule"), "'rule' is not a list of tables; expected [[rule]] for each rule")
    if not tables:
        raise error(1, f"the file has no rule; expected {EXAMPLE}")
    rules: list[Rule] = []
    for number, table in enumerate(tables):
        try:
            rules.append(_rule(table, {rule.label for rule in rules}))
        except _Wrong as wrong:
            raise error(line_of(lines, wrong.key, "rule", number), wrong.said) from wrong.__cause__
    return rules


class _Wrong(Exception):
    """An error in a table, and the key that it concerns."""

    def __init__(self, key: str, said: str) -> None:
        super().__init__(said)
        self.key, self.said = key, said


def _rule(table: dict[str, Any], taken: set[str]) -> Rule:
    for key, value in table.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            raise _Wrong(
                key, f"{key!r} is unknown in [[rule]]; expected {near[0] if near else ' or '.join(KEYS)}"
            )
        if not isinstance(value, str) or not value.strip():
            raise _Wrong(key, f"{key} is {value!r}; expected a string, as in {EXAMPLE}")
    if "when" not in table:
        raise _Wrong("when", f"a rule has no 'when'; expected {EXAMPLE}")
    try:
        rule = Rule.parse(table["when"], table.get("name"))
    except ConfigError as error:
        raise _Wrong("name" if "name of a rule" in str(error) else "when", str(error)) from error
    if rule.label in taken:
        raise _Wrong("name", f"the rule {rule.label!r} is given twice; expected another name or condition")
    return rule
