"""The files of examples/service: systemd, Compose and edgetrack itself understand them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from edgetrack import signals
from edgetrack.cli import app


@pytest.fixture
def service(repository: Path) -> Path:
    return repository / "examples" / "service"


def test_service_config_is_valid(service: Path) -> None:
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    context = command.make_context("run", ["--config", str(service / "site.toml")])
    assert context.params["text"] == ["red car"]
    assert context.params["max_age_ms"] == 200


def test_systemd_accepts_the_unit(service: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    text = (service / "edgetrack.service").read_text()
    unit = tmp_path / "edgetrack.service"
    unit.write_text(text.replace("/opt/edgetrack/bin/edgetrack", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "edgetrack" in line] == []
    assert "ExecStart=/opt/edgetrack/bin/edgetrack run --config /etc/edgetrack/site.toml\n" in text
    assert "ExecReload=/bin/kill -HUP $MAINPID\n" in text


def test_stop_timeout_lets_a_run_complete_its_files(service: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install pyyaml")
    unit = dict(
        line.split("=", 1) for line in (service / "edgetrack.service").read_text().splitlines() if "=" in line
    )
    assert int(unit["TimeoutStopSec"]) > signals.LIMIT_S
    assert int(unit["SuccessExitStatus"]) == signals.EXIT_INTERRUPTED
    (run,) = yaml.safe_load((service / "compose.yaml").read_text())["services"].values()
    assert float(run["stop_grace_period"].rstrip("s")) > signals.LIMIT_S
    assert run["command"] == ["run", "--config", "/etc/edgetrack/site.toml"]
    assert (service / run["build"]["context"] / run["build"]["dockerfile"]).is_file()
