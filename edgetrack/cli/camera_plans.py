"""Checks that the options of ``edgetrack run`` make sense with several cameras, and what each camera is to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgetrack.cli.engine_options import Rule
from edgetrack.cli.output_files import Services
from edgetrack.cli.source_options import SourceOptions, source_rules
from edgetrack.cli.tracking import Plan
from edgetrack.cli.wanted import Wanted
from edgetrack.errors import ConfigError

PLACEHOLDER = "{camera}"  # in the names of outputs that hold one camera
_LINES = (".jsonl", ".csv")  # outputs whose lines have the name of the camera


@dataclass(frozen=True)
class CameraPlan:
    """A camera of a run: its name, its source, how that is read, and what to do with its frames."""

    name: str
    place: str
    how: SourceOptions
    plan: Plan


def named_cameras(sources: Sequence[str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the sources by camera; empty for a single source without a name, which needs no labels.

    Args:
        sources: As given by --source.
        own: Sources in tables of the config file, by camera.

    Raises:
        ConfigError: Two have the same name, or there is a name without a source.
    """
    from edgetrack.io.camera_names import name_cameras, split_name

    if len(sources) < 2 and not own and all(split_name(source)[0] is None for source in sources):
        return {}
    cameras = name_cameras(sources)
    if twice := sorted(cameras.keys() & own.keys()):
        raise ConfigError(
            f"the camera {twice[0]!r} has a source in the list and one in its table [cameras.{twice[0]}]; leave out one"
        )
    cameras |= own
    if "-" in cameras.values():
        raise ConfigError("standard input (-) cannot be one of several cameras; read it in a run of its own")
    return cameras


def camera_rules(cameras: Mapping[str, str], *, realtime: bool) -> dict[str, Rule]:
    """Return the rules of the options of sources, and of those that apply to a single camera only."""
    of_each = [source_rules(place, realtime=realtime) for place in cameras.values()]
    rules = {
        name: (any(own[name][0] for own in of_each), of_each[0][name][1])
        for name in of_each[0]
        if name != "realtime"
    }
    rules["realtime"] = (any(map(_is_file, cameras.values())), "none of the cameras is a file")
    why = {
        "x": "a second sensor belongs to one camera",
        "show": "a window shows one camera",
        "rerun": "a viewer shows one camera",
        "grounder": "a grounder searches the frames of one camera",
        "segmenter": "a segmenter takes the frames of one camera",
        "trust": "an adapter's network cannot be shared by several cameras",
    }
    names = ", ".join(cameras)
    several = f"and the run has {len(cameras)} ({names}); start another run for that camera"
    named = f"which must have no name, but its name is {names}"
    end = several if len(cameras) > 1 else named
    rules["camera"] = (False, "the cameras are given by --source, where camera 0 is --source 0")
    rules |= {name: (False, f"{reason}, {end}") for name, reason in why.items()}
    for name, what in (("box", "a box is in the first frame"), ("zones", "zones are in the picture")):
        rules[name] = (
            False,
            f"{what} of one camera, and {name} belongs in its table [cameras.NAME] of --config",
        )
    return rules


def has_lines(output: Path) -> bool:
    """Return whether it is an output of lines, which can have the name of the camera."""
    return str(output) == "-" or output.suffix.lower() in _LINES


def check_shared(plan: Plan, cameras: Collection[str]) -> None:
    """Refuse a model that cameras cannot share, and outputs that hold one camera without a placeholder in their names.

    Raises:
        ConfigError: There is one; for an output, the message has a name that works.
    """
    from edgetrack.io.names import public_name
    from edgetrack.peers.bundle import is_adapter_bundle

    model, outputs, services = plan.options.model, plan.outputs, plan.services
    if is_adapter_bundle(model):
        raise ConfigError(
            f"model {model} is an adapter's bundle, whose network cannot be shared by several cameras; start a run for "
            "each camera"
        )
    if len(cameras) < 2:
        return
    names = [
        ("--output", str(path), f"{path.with_suffix('')}-{PLACEHOLDER}{path.suffix}")
        for path in outputs
        if not has_lines(path)
    ]
    names += [
        (option, public_name(str(name)), f"{public_name(str(name)).rstrip('/')}{mark}{PLACEHOLDER}")
        for option, name, mark in (
            ("--publish", services.publish, "-"),
            ("--clips", services.clips.folder, "/"),
        )
        if name is not None
    ]
    for option, name, expected in names:
        if PLACEHOLDER not in name:
            raise ConfigError(
                f"{option} {name} holds one camera, and the run has {len(cameras)} ({', '.join(cameras)}); expected a "
                f"name in which {PLACEHOLDER} stands for the camera, as in: {option} '{expected}'"
            )


def plan_camera(name: str, place: str, wanted: Wanted, how: SourceOptions, plan: Plan) -> CameraPlan:
    """Return what a camera is to do: track its targets, with its name in the outputs, as far as its source can."""
    rules = source_rules(place, realtime=how.realtime)
    own = replace(
        how,
        realtime=how.realtime and _is_file(place),
        transport=how.transport if rules["transport"][0] else "tcp",
        give_up_s=how.give_up_s if rules["give_up_s"][0] else None,
    )
    outputs = [Path(str(path).replace(PLACEHOLDER, name)) for path in plan.outputs]
    services = _for_camera(plan.services, name)
    return CameraPlan(name, place, own, replace(plan, wanted=wanted, outputs=outputs, services=services))


def _is_file(place: str) -> bool:
    from edgetrack.io.names import is_local, is_url
    from edgetrack.io.pictures import is_pattern

    return is_local(place) or (not is_url(place) and is_pattern(Path(place).name))


def _for_camera(services: Services, name: str) -> Services:
    folder, publish, mqtt = services.clips.folder, services.publish, services.mqtt
    if mqtt is not None:
        from edgetrack.io.mqtt import with_camera

        mqtt = with_camera(mqtt, name)
    return replace(
        services,
        mqtt=mqtt,
        publish=None if publish is None else publish.replace(PLACEHOLDER, name),
        clips=replace(
            services.clips,
            folder=None if folder is None else Path(str(folder).replace(PLACEHOLDER, name)),
        ),
        camera=name,
    )
