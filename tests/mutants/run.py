"""Breaks one line of the sources at a time and says whether the tests notice: ``python tests/mutants/run.py``.

The list is in ``mutants.toml``. Everything happens in a scratch copy, which runs as the installed package does; what is
compiled is built there again for each mutant of a C++ file. A test that passes whatever the code does is a defect, and
so is a mutant that survives here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.toml")
LIMIT_S = 1800  # for the tests of one mutant; one that makes them hang is noticed


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str  # a line of the file without its indentation
    new: str  # what stands there instead
    tests: tuple[str, ...]  # which must notice, as pytest names them

    @property
    def compiled(self) -> bool:
        return Path(self.file).suffix in (".cpp", ".h")

    def fault(self, root: Path = ROOT) -> str:
        """Why the mutant cannot be made, with what mends it; empty when it can."""
        path = root / self.file
        if not path.is_file():
            return f"{self.file} does not exist: correct 'file'"
        count = sum(line.strip() == self.old for line in path.read_text(encoding="utf-8").splitlines())
        if count != 1:
            return f"its old line is in {self.file} {count} times; expected once: {self.old}"
        if self.new.strip() == self.old:
            return "its new line is the old one: it would change nothing"
        for test in self.tests:
            file, _, name = test.partition("::")
            if not (root / file).is_file():
                return f"{file} does not exist: name the file whose tests must notice"
            if name and f"def {name}(" not in (root / file).read_text(encoding="utf-8"):
                return f"{file} has no test {name}: name one that must notice"
        return "" if self.tests else "it names no tests"


def load(path: Path = LIST) -> list[Mutant]:
    """The list, in its order."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**value, "tests": tuple(value["tests"])}) for value in values]


class Scratch:
    """A copy of the checkout, and a folder that is the package made of it."""

    def __init__(self, folder: Path) -> None:
        self.repository, self.site, self.build = folder / "repository", folder / "site", folder / "build"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink():  # edgetrack/export and edgetrack/targets
                (self.repository / name).symlink_to((ROOT / name).readlink())
            elif (ROOT / name).is_file():
                shutil.copy2(ROOT / name, self.repository / name)
        if (ROOT.parent / "shared").is_dir():
            (folder / "shared").symlink_to(ROOT.parent / "shared")
        self._lay_out()

    def _lay_out(self) -> None:
        package = self.site / "edgetrack"
        package.mkdir(parents=True)
        for entry in (*(self.repository / "edgetrack").iterdir(), *_libraries()):
            (package / entry.name).symlink_to(entry)
        # `python -m pytest` would put the copy's root before the package.
        (self.site / "run_pytest.py").write_text("import sys\nimport pytest\nsys.exit(pytest.main())\n")
        # An editable install would be found first.
        (self.site / "sitecustomize.py").write_text(
            "import sys\nsys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in type(f).__module__]\n"
        )

    @contextmanager
    def broken(self, mutant: Mutant) -> Iterator[None]:
        """Within it the mutant's line is the new one."""
        path = self.repository / mutant.file
        text = path.read_text(encoding="utf-8")
        lines = [
            line.replace(mutant.old, mutant.new) if line.strip() == mutant.old else line
            for line in text.splitlines(keepends=True)
        ]
        path.write_text("".join(lines), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")

    def compile(self) -> str:
        """Builds the module anew from the copy; returns what went wrong."""
        options = [
            "-DCMAKE_BUILD_TYPE=Release", "-DEDGETRACK_PYTHON=ON", "-DEDGETRACK_IN_WHEEL=ON",
            "-DEDGETRACK_CUDA=OFF", "-DEDGETRACK_TENSORRT=OFF",
            f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={_pybind11()}",
        ]  # fmt: skip
        commands = [["cmake", "--build", self.build, "--target", "_runtime", "--parallel", "2"]]
        if not self.build.exists():
            commands.insert(0, ["cmake", "-S", self.repository / "runtime_cpp", "-B", self.build, *options])
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return (done.stderr or done.stdout).strip()[-2000:]
        built = next(self.build.glob("_runtime*.so"))
        place = self.site / "edgetrack" / built.name
        place.unlink(missing_ok=True)
        place.symlink_to(built)
        return ""

    def test(self, tests: Sequence[str]) -> tuple[int, str]:
        """pytest's exit code, 1 when it does not end, and the last lines that it printed."""
        environment = {**os.environ, "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, self.site / "run_pytest.py", "-x", "-q", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command, cwd=self.repository, env=environment, capture_output=True, text=True, timeout=LIMIT_S,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 1, f"no end within {LIMIT_S} s"
        return done.returncode, "\n".join((done.stdout + done.stderr).strip().splitlines()[-4:])


def _libraries() -> list[Path]:
    """What was compiled for the installed package."""
    from edgetrack._native import runtime

    folder = Path(str(runtime.__file__)).parent
    return [*folder.glob("_runtime*.so"), *folder.glob("libedgetrack_*.so")]


def _pybind11() -> str:
    import pybind11

    return str(pybind11.get_cmake_dir())


def verdict(scratch: Scratch, mutant: Mutant) -> tuple[str, str]:
    """``killed``, ``SURVIVED`` or ``ERROR``, and what explains it."""
    with scratch.broken(mutant):
        if mutant.compiled and (wrong := scratch.compile()):
            return "ERROR", f"it does not compile: {wrong}"
        code, printed = scratch.test(mutant.tests)
    if code == 1:
        return "killed", ""
    if code == 0:
        return "SURVIVED", f"{', '.join(mutant.tests)} pass although {mutant.file} says: {mutant.new}"
    return "ERROR", f"pytest ended with {code}: {printed}"


def run(mutants: Sequence[Mutant]) -> int:
    """Prints a line for each mutant; returns how many were not killed."""
    print(f"{len(mutants)} mutants; a copy is made, and their tests are run on it as it is", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        scratch = Scratch(Path(folder))
        code, printed = scratch.test(list(dict.fromkeys(test for m in mutants for test in m.tests)))
        if code:
            print(f"without a mutant pytest ends with {code}; mend these tests first:\n{printed}")
            return len(mutants)
        left = 0
        for mutant in sorted(mutants, key=lambda m: m.compiled):  # the compiled ones last: each needs a build
            begun = time.monotonic()
            said, why = verdict(scratch, mutant)
            left += said != "killed"
            print(f"{said:9} {time.monotonic() - begun:5.0f} s  {mutant.name}", flush=True)
            if why:
                print(f"    {why}", flush=True)
    print(f"{len(mutants) - left} of {len(mutants)} killed")
    return left


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only mutants with one of these in their name or file")
    parser.add_argument("--check", action="store_true", help="only say whether each mutant can still be made")
    options = parser.parse_args()
    words = options.words or [""]
    mutants = [m for m in load() if any(word in m.name or word in m.file for word in words)]
    faults = [f"{mutant.name}: {fault}" for mutant in mutants if (fault := mutant.fault())]
    if not mutants:
        faults = [f"no mutant has {' or '.join(words)} in its name or file; see {LIST}"]
    if faults:
        sys.exit("\n".join([*faults, f"{len(faults)} to mend in {LIST.relative_to(ROOT)}"]))
    lacking = [name for name in ("cmake",) if shutil.which(name) is None]
    lacking += [name for name in ("pybind11",) if importlib.util.find_spec(name) is None]
    if not options.check and lacking and any(mutant.compiled for mutant in mutants):
        sys.exit(f"mutants of C++ files need {' and '.join(lacking)}; run: pip install {' '.join(lacking)}")
    if options.check:
        print(f"all {len(mutants)} mutants can be made")
    elif run(mutants):
        sys.exit(1)


if __name__ == "__main__":
    main()
