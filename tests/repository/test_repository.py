"""The files around the code are consistent: workflows, hooks, templates, metadata and the source distribution."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install pyyaml")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
URL = PROJECT["project"]["urls"]["Homepage"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
YAML = [*ROOT.glob("*.yml"), *ROOT.glob(".*.yaml"), *(ROOT / ".github").rglob("*.yml"), ROOT / "CITATION.cff"]
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


class Loader(yaml.SafeLoader):  # type: ignore[name-defined, misc, unused-ignore]
    """A YAML loader that also reads mkdocs.yml, which names Python functions by custom tags; none is called."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def load(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader)


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in load(workflow)["jobs"].values():
        yield from job["steps"]


def commands(workflow: Path) -> Iterator[list[str]]:
    for step in steps(workflow):
        for line in step.get("run", "").replace("&&", "\n").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    return [Path(name) for name in listed.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_yaml_parses(path: Path) -> None:
    assert isinstance(load(path), dict)


@each_workflow
def test_workflows_are_complete(workflow: Path) -> None:
    content = load(workflow)
    assert content["name"] == workflow.stem
    assert content[True]  # YAML 1.1 reads `on` as a boolean
    assert content["permissions"] == {"contents": "read"}
    for name, job in content["jobs"].items():
        assert job["timeout-minutes"] <= 360, name
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(content["jobs"]), name


@each_workflow
def test_actions_are_pinned(workflow: Path) -> None:
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step), step
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+\.\d+\.\d+", step["uses"]), step["uses"]


@each_workflow
def test_commands_of_workflows_exist(workflow: Path) -> None:
    """The make targets and the files of the repository that they name exist."""
    goals = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands(workflow):
        if words[0] == "make":
            assert words[1] in goals, words
        for word in words:
            name = word.replace("$GITHUB_WORKSPACE/", "")
            if re.fullmatch(r"[\w./-]+\.(py|sh|toml|txt|yml)", name):
                assert (ROOT / name).is_file(), words
        if words[:4] == ["python", "-m", "pip", "install"]:
            assert all("==" in word or word.startswith("$(echo dist/") for word in words[4:]), words


def test_workflows_run_what_contributors_run() -> None:
    named = {words[1] for workflow in WORKFLOWS for words in commands(workflow) if words[0] == "make"}
    assert named >= {"demo", "docs", "lint", "mutants", "test", "test-floors"}


def test_make_docs_installs_the_docs_extra() -> None:
    """The Makefile reads it from pyproject.toml by a pattern, so that edgetrack need not be built."""
    (program,) = re.findall(r"sed -n '(.*)' pyproject\.toml", (ROOT / "Makefile").read_text())
    done = subprocess.run(
        ["sed", "-n", program, str(ROOT / "pyproject.toml")], capture_output=True, text=True
    )
    assert re.findall(r'"(.*?)"', done.stdout) == PROJECT["project"]["optional-dependencies"]["docs"]


def test_supported_pythons_are_the_same_everywhere() -> None:
    listed = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert PROJECT["project"]["requires-python"] == f">={listed[0]}"
    tested = load(ROOT / ".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tested == listed
    built = PROJECT["tool"]["cibuildwheel"]["build"]
    assert built == [f"cp{version.replace('.', '')}-*" for version in listed]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{listed[0].replace('.', '')}"


def test_wheels_are_built_for_both_architectures_and_tested() -> None:
    job = load(ROOT / ".github/workflows/wheels.yml")["jobs"]["wheels"]
    assert job["strategy"]["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    command = PROJECT["tool"]["cibuildwheel"]["test-command"]
    assert command == "python {project}/tests/support/smoke.py"


@pytest.mark.nightly
def test_smoke_test_passes_here_and_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    import smoke

    assert smoke.main() == 0
    monkeypatch.setattr(smoke, "MIN_FOLLOWED", smoke.FRAMES)  # the car comes into view later
    assert smoke.main() == 1


def test_hooks_use_the_tool_versions_of_ci() -> None:
    pins = dict(re.findall(r'"([\w-]+)==([\d.]+)"', (ROOT / "pyproject.toml").read_text()))
    hooks = {repo["repo"]: repo for repo in load(ROOT / ".pre-commit-config.yaml")["repos"]}
    assert hooks["https://github.com/astral-sh/ruff-pre-commit"]["rev"] == f"v{pins['ruff']}"
    assert hooks["https://github.com/pre-commit/mirrors-clang-format"]["rev"] == f"v{pins['clang-format']}"


@pytest.mark.parametrize("name", ["bug_report", "feature_request"])
def test_issue_forms_are_valid(name: str) -> None:
    form = load(ROOT / f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    names = [field["id"] for field in form["body"]]
    assert len(names) == len(set(names)) >= 3
    assert all(field["attributes"]["label"] for field in form["body"])


def test_citation_has_the_current_version() -> None:
    citation, project = load(ROOT / "CITATION.cff"), PROJECT["project"]
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["repository-code"] == URL
    assert [author["name"] for author in citation["authors"]] == [a["name"] for a in project["authors"]]


def test_repository_has_one_url() -> None:
    """The URL is in `[project.urls]`; after a fork, this test finds every other place."""
    owner, repository = URL.removeprefix("https://github.com/").split("/")
    pages = f"https://{owner}.github.io/{repository}/"
    assert PROJECT["project"]["urls"]["Documentation"] == pages
    assert all(url.startswith((URL, pages)) for url in PROJECT["project"]["urls"].values())
    pattern = re.compile(
        r"https://(?:github\.com|raw\.githubusercontent\.com|\w+\.github\.io)/[\w/-]*edgetrack[\w/-]*"
    )
    found = 0
    for path in tracked():
        if path.suffix in {".md", ".toml", ".yml", ".yaml", ".cff", ".py", ".h"} and (ROOT / path).is_file():
            for url in pattern.findall((ROOT / path).read_text()):
                raw = URL.replace("github.com", "raw.githubusercontent.com")
                assert f"{url}/".startswith((f"{URL}/", f"{raw}/", pages)), f"{path}: {url}"
                found += 1
    assert found > 5


@pytest.mark.nightly
def test_source_distribution_is_complete(tmp_path: Path) -> None:
    """It contains every tracked file; symbolic links to folders become copies."""
    pytest.importorskip("scikit_build_core", reason="needs scikit-build-core: pip install scikit-build-core")
    names = tracked()
    build = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    (archive,) = tmp_path.glob("edgetrack-*.tar.gz")
    with tarfile.open(archive) as packed:
        members = {Path(*Path(name).parts[1:]) for name in packed.getnames()}
    links = {path for path in names if (ROOT / path).is_symlink()}
    assert {path for path in names if path not in members and (ROOT / path).exists()} <= links
    assert all(link / "__init__.py" in members for link in links)
    assert archive.stat().st_size < 100_000_000  # the largest file that PyPI takes


def test_mypy_checks_each_file_once_per_set_of_options() -> None:
    """Its cache serves runs with equal options: those of pyproject.toml, but for the tests and what they share."""
    given = configparser.ConfigParser()
    given.read(ROOT / "tests" / "mypy.ini")
    options, missing = PROJECT["tool"]["mypy"], PROJECT["tool"]["mypy"]["overrides"][0]["module"]
    assert (given["mypy"]["strict"], given["mypy"]["python_version"]) == ("True", options["python_version"])
    assert options.keys() == {"strict", "python_version", "overrides"}
    assert set(given["mypy"]) == {"strict", "python_version", "explicit_package_bases", "mypy_path"}
    lenient, untyped = (name.removeprefix("mypy-").split(",") for name in given.sections()[1:])
    assert set(missing) <= set(untyped)
    support = ROOT / "tests" / "support"
    modules = {path.stem for path in support.glob("*.py")}
    modules |= {f"{path.parent.name}.*" for path in support.glob("*/__init__.py")}
    assert set(lenient) == {"tests.*", *modules}
