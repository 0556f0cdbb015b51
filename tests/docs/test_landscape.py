"""The map of the field: its pages are what the command renders, and every number names its source."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

MIN_METHODS = 100
EVERY_KIND = {"box", "efficient", "language", "rgb-x", "masks", "open-vocabulary", "edgetrack"}


@pytest.fixture(autouse=True)
def importable(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "tools"))


def record(**changed: str) -> str:
    """Make a file with one method and one number."""
    figure = {"of": '"lasot"', "value": "64.6", "source": '"page"', **changed}
    fields = ", ".join(f"{name} = {value}" for name, value in figure.items() if value)
    return (
        '[sources.page]\ntitle = "A page"\naddress = "https://example.org/page"\n'
        '[[methods]]\nname = "Invented"\ngroup = "box"\nyear = 2024\ngiven = ["box"]\nmodality = ["RGB"]\n'
        f"figures = [{{ {fields} }}]\n"
    )


def in_millions(match: re.Match[str]) -> str:
    return f"{int(match[0].replace(',', '')) / 1e6:.3f}"


def test_pages_are_what_the_command_renders(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tools/landscape.py", "--check"], cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_pages_are_rendered_from_the_data(repository: Path, tmp_path: Path) -> None:
    from landscape import FOLDER, load
    from landscape_pages import pages

    (tmp_path / "methods.toml").write_text(record())
    (tmp_path / "index.md").write_text((FOLDER / "index.md").read_text())
    found = pages(load(tmp_path / "methods.toml"), tmp_path)
    assert (
        "Given: box. Input: RGB.\n\n| method | year | LaSOT |\n| --- | --- | --- |\n| Invented | 2024 | [64.6][page] |"
        in found[tmp_path / "methods.md"]
    )
    assert found[tmp_path / "methods.md"].endswith("[page]: https://example.org/page\n")
    assert "1 methods, 1 numbers, 1 pages" in found[tmp_path / "index.md"]


def test_chart_shows_the_points_of_the_data(tmp_path: Path) -> None:
    from landscape import FOLDER, load
    from landscape_chart import by_size, by_speed, is_current, measured_here

    landscape = load()
    assert is_current(FOLDER / "efficiency.svg", landscape)
    (tmp_path / "methods.toml").write_text(record())
    assert not is_current(FOLDER / "efficiency.svg", load(tmp_path / "methods.toml"))
    assert len(by_size(landscape)) >= 5
    assert len(by_speed(landscape)) >= 15
    assert {point.group for point in measured_here(landscape, "devset")} == {"edgetrack", "efficient"}


def test_chart_labels_the_methods_on_the_pareto_front() -> None:
    from landscape_chart import Point, front

    points = [Point("slow", "box", 10, 70), Point("worse", "box", 10, 60), Point("fast", "box", 100, 50)]
    assert [point.name for point in front(points)] == ["slow", "fast"]


def test_map_covers_enough_methods() -> None:
    from landscape import load

    landscape = load()
    others = [method for method in landscape.methods if method.group != "edgetrack"]
    assert len(others) >= MIN_METHODS
    assert {method.group for method in landscape.methods} == EVERY_KIND
    assert {modality for method in others for modality in method.modality} == {
        "RGB",
        "language",
        "depth",
        "thermal",
        "event",
    }
    for method in others:
        assert 1995 <= method.year <= 2026, method.name
        assert method.figures or method.code, f"{method.name}: neither a number nor an address of its code"
        assert not method.code or method.code.startswith("https://"), method.name


def test_every_source_is_a_url_and_is_used(repository: Path) -> None:
    from landscape import load

    landscape = load()
    used = {figure.source for method in landscape.methods for figure in method.figures}
    assert used == set(landscape.sources)
    for key, source in landscape.sources.items():
        assert source.title, key
        assert re.fullmatch(r"https://\S+", source.address) or (repository / source.address).is_file(), key


def test_own_measurements_match_the_report(repository: Path) -> None:
    from landscape import MEASURES, load

    landscape = load()
    checked = 0
    for method in landscape.methods:
        for figure in method.figures:
            address = landscape.sources[figure.source].address
            if address.startswith("https://"):
                continue
            fraction = MEASURES[figure.of].most == 100
            stated = f"{figure.value / 100:.3f}" if fraction else f"{figure.value:g}"
            text = re.sub(r"\d+,\d{3},\d{3}", in_millions, (repository / address).read_text())
            assert re.search(rf"(?<![\d.]){re.escape(stated)}(?!\d)", text), (
                f"{method.name}: {stated} in {address}"
            )
            checked += 1
    assert checked >= 12


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"source": ""}, r"lasot = 64\.6 has the source ''; expected a key"),
        ({"source": '"elsewhere"'}, "has the source 'elsewhere'"),
        ({"value": "101.0"}, r"lasot = 101; expected 0 to 100"),
        ({"of": '"beauty"'}, "a number of 'beauty'"),
        ({"of": '"fps"'}, "a speed has one"),
        ({"device": '"a GPU"'}, "no other number"),
    ],
)
def test_number_without_source_range_or_device_is_rejected(
    changed: dict[str, str], said: str, tmp_path: Path
) -> None:
    from landscape import load

    (tmp_path / "methods.toml").write_text(record(**changed))
    with pytest.raises(SystemExit, match=said):
        load(tmp_path / "methods.toml")


def test_method_appears_once_and_in_a_known_group(tmp_path: Path) -> None:
    from landscape import load

    path = tmp_path / "methods.toml"
    path.write_text(record() + record()[record().index("[[methods]]") :])
    with pytest.raises(SystemExit, match=r"\['Invented'\] more than once"):
        load(path)
    path.write_text(record().replace('"box"\nyear', '"boxes"\nyear'))
    with pytest.raises(SystemExit, match="group is"):
        load(path)
