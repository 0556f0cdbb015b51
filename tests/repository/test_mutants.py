"""Each mutant of ``tests/mutants/`` can still be made; a nightly job checks that the tests detect it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _runner() -> ModuleType:
    path = Path(__file__).parents[1] / "mutants" / "run.py"
    spec = importlib.util.spec_from_file_location("mutants_run", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants_run"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


RUNNER = _runner()
MUTANTS = RUNNER.load()


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_mutant_can_be_made(mutant, repository: Path) -> None:
    assert not mutant.fault(repository)


def test_list_is_long_and_names_are_unique() -> None:
    assert len(MUTANTS) >= 60
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


def test_outdated_mutant_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nif x:\n    x = 1\n")
    (tmp_path / "test_a.py").write_text("def test_x(): ...\n")

    def fault(**changed: object) -> str:
        usual = {
            "name": "m",
            "file": "a.py",
            "old": "if x:",
            "new": "if not x:",
            "tests": ("test_a.py::test_x",),
        }
        return str(RUNNER.Mutant(**{**usual, **changed}).fault(tmp_path))

    assert fault() == ""
    assert "in a.py 2 times; expected once: x = 1" in fault(old="x = 1")
    assert "in a.py 0 times" in fault(old="y = 1")
    assert "b.py does not exist" in fault(file="b.py")
    assert "would change nothing" in fault(new="if x:")
    assert "test_b.py does not exist" in fault(tests=("test_b.py",))
    assert "has no test test_y" in fault(tests=("test_a.py::test_y",))
    assert "names no tests" in fault(tests=())
