"""The jobs of an evaluation give the same records wherever they run, and survive a machine that dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import drawn
import pytest
from slow_tracker import open_tracker

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError, DatasetError, WorkerError
from edgetrack.evaluation.execution.dataset import load_sequences
from edgetrack.evaluation.execution.plan import Job
from edgetrack.evaluation.execution.ray import on_ray
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.execution.worker import Worker, WorkerSetup, in_processes, in_this_process
from edgetrack.evaluation.perturbations.registry import conditions
from edgetrack.evaluation.types import CLEAN, Condition, Record, Run

pytest.importorskip("cv2", reason="the video extra is not installed")


NOISE, FREEZE = Condition("shot-noise", 3), Condition("freeze", 1)
RUNS = [Run("edgetrack", "bbox", "none", condition) for condition in (CLEAN, NOISE, FREEZE)]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    folder = drawn.write_dataset(tmp_path_factory.mktemp("dataset"))
    return WorkerSetup(load_sequences("folder", folder), open_tracker, threads=1)


@pytest.fixture(scope="module")
def jobs(setup: WorkerSetup) -> list[Job]:
    clips = [clip for clip in setup.clips if isinstance(clip, Clip)]
    return [Job(run, place, clip.text) for run in RUNS for place, clip in enumerate(clips)]


@pytest.fixture(scope="module")
def expected(setup: WorkerSetup, jobs: list[Job]) -> dict[Job, tuple[object, ...]]:
    return {done[0]: said(done[1]) for done in in_this_process(jobs, Worker(setup)) if done}


def said(record: Record) -> tuple[object, ...]:
    """Return all of a record except its durations."""
    return record.boxes, record.scores, record.statuses, record.scored


@pytest.mark.nightly
def test_processes_share_the_jobs_and_give_the_same_records(
    setup: WorkerSetup,
    jobs: list[Job],
    expected: dict[Job, tuple[object, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "begun.txt"
    monkeypatch.setenv("EDGETRACK_TEST_BEGUN", str(log))
    found = {job: said(record) for job, record in in_processes(jobs, setup, count=2)}
    assert found == expected
    begun = log.read_text().split()
    assert len(begun) == len(jobs), "each sequence is begun once"
    assert len(set(begun)) == 2, "one process did it all"
    assert str(os.getpid()) not in begun


def test_data_error_in_a_worker_names_the_sequence(setup: WorkerSetup, jobs: list[Job]) -> None:
    (_film(setup, 0)).rename(_film(setup, 0).with_suffix(".away"))
    try:
        with pytest.raises(DatasetError, match=r"slow, edgetrack bbox: .*slow\.mp4 does not exist"):
            list(in_processes(jobs[:1], setup, count=1))
    finally:
        _film(setup, 0).with_suffix(".away").rename(_film(setup, 0))


def test_killed_process_is_named(setup: WorkerSetup, jobs: list[Job]) -> None:
    others = set(multiprocessing.active_children())  # of earlier tests, still exiting
    results = in_processes(jobs * 100, setup, count=1)  # more than it can finish before the signal arrives
    next(results)
    [child] = set(multiprocessing.active_children()) - others
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(
        WorkerError, match=r"one of 1 worker processes died before its work was done; .* add --resume"
    ):
        list(results)


def test_cluster_survives_the_loss_of_a_machine(
    setup: WorkerSetup,
    jobs: list[Job],
    expected: dict[Job, tuple[object, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine dies just after it has started a sequence, which the other machine must then start again.

    The data set is at a relative path, which the machines' own processes resolve from here.
    """
    pytest.importorskip("ray", reason="the ray extra is not installed")
    from ray.cluster_utils import Cluster

    log = tmp_path / "begun.txt"
    log.touch()
    monkeypatch.setenv("EDGETRACK_TEST_BEGUN", str(log))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "support"))  # folder of the slow tracker
    folder = _film(setup, 0).parent
    monkeypatch.chdir(folder.parent)
    near = replace(setup, clips=load_sequences("folder", Path(folder.name)))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        results = on_ray(jobs, near, address=cluster.address)
        done = [next(results)]
        _wait_for_another(log, second.node_id)
        cluster.remove_node(second, allow_graceful=False)
        done += results
    finally:
        cluster.shutdown()
    assert len(done) == len(jobs)
    assert {job: said(record) for job, record in done} == expected
    assert len(log.read_text().split()) > len(jobs), "nothing was begun again"


def _wait_for_another(log: Path, node: str) -> None:
    """Wait until the machine starts one more sequence."""
    before, deadline_s = log.read_text().count(node), time.monotonic() + 60
    while log.read_text().count(node) == before:
        assert time.monotonic() < deadline_s, "the second machine begins nothing"
        time.sleep(0.02)


def test_missing_cluster_is_an_error(setup: WorkerSetup, jobs: list[Job]) -> None:
    pytest.importorskip("ray", reason="the ray extra is not installed")
    with pytest.raises(ConfigError, match=r"no Ray cluster answers at 127\.0\.0\.1:1 .* ray start --head"):
        list(on_ray(jobs, setup, address="127.0.0.1:1"))


def test_mutually_exclusive_options_are_rejected(tmp_path: Path) -> None:
    asked = partial(Request, "folder", tmp_path, tmp_path)
    with pytest.raises(ConfigError, match="--workers and --ray are two ways to share the work"):
        asked(workers=2, ray="auto")
    with pytest.raises(ConfigError, match="--real-time measures time"):
        asked(workers=2, conditions=tuple(conditions(real_time=[30])))


def _film(setup: WorkerSetup, place: int) -> Path:
    frames = setup.clips[place].frames
    return Path(frames._path)
