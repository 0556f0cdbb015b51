"""The report of a day as HTML without scripts: a timeline, counts, a heat map and the most unusual moments."""

from __future__ import annotations

import datetime
from itertools import groupby

from edgetrack.events import counted
from edgetrack.reporting import html
from edgetrack.reporting.table import Table, number
from edgetrack.unusual.calibration import DAY_S, Threshold
from edgetrack.unusual.day import MINUTE_S, Day, Minute, heat_map
from edgetrack.unusual.model import NormalModel

WIDTH, HEIGHT, BELOW = 1100, 130, 44  # of the timeline in pixels; room for objects and hours below the scores
_CALM, _ALARM, _OBJECTS, _LINE = "#9db8cf", "#d55e00", "#c9c9c9", "#555"


def day_page(
    day: Day, model: NormalModel, threshold: Threshold, *, source: str, began: datetime.datetime | None
) -> str:
    """Return the report of a day as HTML.

    Args:
        day: its data.
        model: the model that scored it.
        threshold: the threshold of its alarms.
        source: name of the camera or file.
        began: time of day at time 0 of the frames; None for files, whose times count from their start.
    """
    parts = [
        html.paragraph(f"{source}, {_span(day, began)}", quiet=True),
        html.bullets(summary(day, threshold)),
    ]
    if len(day.minutes) > 1:
        parts.append(
            html.section("Timeline", _timeline(day, threshold, began), html.paragraph(_LEGEND, quiet=True))
        )
    moments = [
        html.figure(
            one.picture,
            f"{_clock(one.alarm.peak_s, began)}  {one.alarm.region.explanation} "
            f"(score {one.alarm.region.score:.1f})",
        )
        for one in day.moments
    ]
    parts.append(html.gallery("Most unusual moments", moments))
    if day.picture is not None and model.activity.any():
        caption = "Where objects were in all learned data; red: longest."
        parts.append(html.gallery("Activity", [html.figure(heat_map(day.picture, model.activity), caption)]))
    parts += [html.table(_hours(day, began)), html.table(_alarms(day, began))]
    return html.page("What was unusual", parts)


_LEGEND = (
    "Upper bars: highest score of each minute, orange if there was an alarm; line: threshold. "
    "Lower bars: objects in view."
)


def summary(day: Day, threshold: Threshold) -> list[str]:
    """Return a summary of a day, in sentences."""
    minutes = len(day.minutes)
    watched = f"{minutes / 60:.1f} hours" if minutes >= 120 else counted(minutes, "minute")
    lines = [f"{counted(len(day.alarms), 'alarm')} in {watched}."]
    if threshold.score == float("inf"):
        lines.append(
            f"There is too little data for a threshold: {threshold.observed_s / 60:.0f} minutes so far, "
            f"and {threshold.needed_s / 3600:.1f} hours are needed for a threshold without extrapolation."
        )
        return lines
    rate = "one false alarm" if threshold.per_day == 1 else f"{threshold.per_day:g} false alarms"
    lines.append(f"Threshold {threshold.score:.2f}, for {rate} per day.")
    if threshold.extrapolated:
        lines.append(
            f"It is extrapolated from {threshold.observed_s / 3600:.1f} hours; after {threshold.needed_s / 3600:.0f} "
            "hours of running, it will be based on observed scores."
        )
    return lines


def _timeline(day: Day, threshold: Threshold, began: datetime.datetime | None) -> str:
    """Return an SVG of the minutes; a score of twice the threshold reaches the top."""
    first, last = day.minutes[0].start_s, day.minutes[-1].start_s + MINUTE_S
    scale = WIDTH / (last - first)
    finite = threshold.score < float("inf")
    top = max(2 * threshold.score if finite else max(one.score for one in day.minutes), 1e-9)
    most = max(max(one.objects for one in day.minutes), 1)
    bars = []
    for one in day.minutes:
        x, width = (one.start_s - first) * scale, max(MINUTE_S * scale - 0.4, 0.6)
        height = min(one.score / top, 1) * HEIGHT
        color = _ALARM if one.score > threshold.score else _CALM
        bars.append(_bar(x, HEIGHT - height, width, height, color))
        bars.append(_bar(x, HEIGHT + 4, width, 20 * one.objects / most, _OBJECTS))
    if finite:
        y = HEIGHT * (1 - threshold.score / top)
        bars.append(
            f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_LINE}" stroke-dasharray="4 3"/>'
        )
    step = next((s for s in (300, 900, 1800, 3600, 7200, 14_400) if (last - first) / s <= 13), 21_600)
    offset = _offset(began)
    tick = first + (-(first + offset)) % step
    while tick < last:
        x = (tick - first) * scale
        bars.append(
            f'<text x="{x:.1f}" y="{HEIGHT + BELOW - 4}" font-size="11" fill="{_LINE}">{_clock(tick, began)}</text>'
        )
        tick += step
    box = f'viewBox="0 0 {WIDTH} {HEIGHT + BELOW}" style="max-width:100%"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">{"".join(bars)}</svg>'


def _bar(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _hours(day: Day, began: datetime.datetime | None) -> Table:
    """Return a table row for each hour."""
    offset = _offset(began)
    rows = []
    for hour, group in groupby(day.minutes, key=lambda one: int((one.start_s + offset) // 3600)):
        some: list[Minute] = list(group)
        start, end = 3600 * hour - offset, 3600 * (hour + 1) - offset
        alarms = sum(start <= alarm.start_s < end for alarm in day.alarms)
        mean = sum(one.seen for one in some) / max(sum(one.frames for one in some), 1)
        busiest = max(some, key=lambda one: one.seen / max(one.frames, 1))
        most = max(one.objects for one in some)
        rows.append(
            [
                _clock(max(start, some[0].start_s), began),
                number(mean, digits=1),
                str(most),
                _clock(busiest.start_s, began),
                str(alarms),
                number(max(one.score for one in some), digits=2),
            ]
        )
    columns = [
        "from",
        "objects in view (mean)",
        "objects in view (maximum)",
        "busiest minute",
        "alarms",
        "highest score",
    ]
    return Table("By the hour", columns, rows, words=1)


def _alarms(day: Day, began: datetime.datetime | None) -> Table:
    rows = [
        [
            _clock(one.start_s, began),
            one.region.explanation,
            f"{one.end_s - one.start_s:.1f}",
            number(one.region.score, digits=2),
        ]
        for one in day.alarms
    ]
    return Table("Alarms", ["at", "what", "seconds", "score"], rows, words=2)


def _span(day: Day, began: datetime.datetime | None) -> str:
    if not day.minutes:
        return "no frame"
    first, last = (_clock(s, began) for s in (day.minutes[0].start_s, day.minutes[-1].start_s + MINUTE_S))
    date = "" if began is None else f"{began + datetime.timedelta(seconds=day.minutes[0].start_s):%Y-%m-%d} "
    return f"{date}{first} to {last}"


def _clock(time_s: float, began: datetime.datetime | None) -> str:
    if began is not None:
        return f"{began + datetime.timedelta(seconds=time_s):%H:%M:%S}"
    seconds = int(time_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _offset(began: datetime.datetime | None) -> float:
    """Return the seconds from midnight to time 0."""
    return (
        0.0 if began is None else (began - began.replace(hour=0, minute=0, second=0)).total_seconds() % DAY_S
    )
