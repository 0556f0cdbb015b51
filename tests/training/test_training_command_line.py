"""Training scripts that take only paths and numbers: a wrong command line shows the usage and does nothing."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from edgetrack.training.command_line import arguments

SCRIPTS = {
    "grounder.cache": "WEIGHTS CACHE VIEWS FOLDER",
    "grounder.calibration": "RECIPE",
    "grounder.entities": "FLICKR30K FOLDER CACHE",
    "grounder.scenes": "FOLDER COUNT",
    "grounder.teachers": "TEACHERS CACHE FOLDER",
    "grounder.train": "RECIPE",
    "grounder.vocabulary": "WORDS FOLDER",
    "language": "FOLDER",
    "masks.train": "RECIPE",
    "sensors.train": "RECIPE",
}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
@pytest.mark.parametrize(("given", "status"), [([], 2), (["--help"], 0), (["--hlep", "x"], 2)])
def test_wrong_command_line_shows_the_usage(
    name: str,
    given: list[str],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["script", *given])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"edgetrack.training.{name}").main()
    assert ended.value.code == status
    shown = "".join(capsys.readouterr())
    assert shown.startswith("usage: ")
    assert SCRIPTS[name] in " ".join(shown.split())
    assert not list(tmp_path.iterdir())


def test_arguments_have_names_and_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["script", "a", "3", "b", "c"])
    found = arguments("About.", cache=Path, views=int, folder=[Path])
    assert (found.cache, found.views, found.folder) == (Path("a"), 3, [Path("b"), Path("c")])


def test_existing_folder_of_sentences_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgetrack.training import language

    monkeypatch.setattr(sys, "argv", ["script", str(tmp_path)])
    with pytest.raises(SystemExit, match="exists; expected a new folder"):
        language.main()
