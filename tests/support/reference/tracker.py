"""The state machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgetrack.crop import crop_into
from edgetrack.engines.base import Engine
from edgetrack.policy import Policy
from edgetrack.types import Basis, Box, Status, Track
from reference.decode import confidence, decode, hann_window, quality_within
from reference.geometry import (
    Region,
    at_edge,
    clip,
    from_region,
    letterbox,
    smoothed,
    target_share,
)
from reference.identity import VANISHED, Identity
from reference.look import FAINT, Find, believed, differs
from reference.pace import Pace
from reference.size_correction import SizeCorrection
from reference.target import Array, Target

Pixels = NDArray[np.uint8]
Tokens = tuple[NDArray[np.int64], Array]
_LONGER = 9  # a target that vanished must be certain for this many delays more
_SAME_PLACE = 0.3  # IoU of two finds in a row that count as one candidate


class Tracker:
    """As ``edgetrack.Tracker``, with texts that are tokens already and without checks of its input.

    Time is told, not measured: in ``late`` frames it is over, in others there is enough.
    """

    def __init__(self, engine: Engine, *, static_check: bool = False) -> None:
        self.engine = engine
        self._manifest = self.engine.bundle.manifest
        self._policy = Policy.of(self._manifest.thresholds)
        self._images: dict[str, Array] = {}
        self._window: Array | None = None
        self._pace = Pace(self._policy, static_check=static_check)
        self._clear()

    def _clear(self) -> None:
        self._target: Target | None = None
        self._box: Box | None = None  # last box while following, else the last candidate
        self._status: Status = "searching"
        self._locked = False  # following, as opposed to looking everywhere
        self._streak = 0  # uncertain frames in a row while following
        self._evidence = 0.0  # while looking: sum of the scores of the finds in a row at one place
        self._against = 0.0  # while following: how much better the sentence fits something else, a logarithm
        self._agreed = 0  # while following: checks in a row that found it
        self._belief = 1.0  # that what is followed is what the sentence means, 0..1
        self._cut = False  # the template may show only a part of the target, which was found at an edge
        self._own_template = False  # the template is the user's box, not a find of ours
        self._index = -1
        self._left: int | None = None  # frame in which it left the view, until it is checked again
        self._owed = 0  # frames since a check by the sentence was due
        self._since_blend = self._certain = 0  # frames since the template was last mixed, since doubt
        self._latest = Track(None, 0.0, "searching", -1)

    def start(self, pixels: Pixels, *, text: Tokens | None = None, box: Box | None = None) -> Track:
        target = Target(self.engine)
        if text is not None:
            target.set_text(*text)
        self._clear()
        self._target, self._index = target, 0
        if box is None:
            self._latest = self._look(pixels)
            return self._latest
        target.set_template(pixels, box)
        self._since_blend, self._own_template = self._first_wait(box), True
        self._follow_from(box, pixels)
        self._latest = Track(box, 1.0, "tracking", 0)
        return self._latest

    def update(self, pixels: Pixels, *, late: bool = False) -> Track:
        self._index += 1
        self._since_blend, self._certain = self._since_blend + 1, self._certain + 1
        self._latest = self._follow(pixels, late=late) if self._locked else self._look(pixels)
        return self._latest

    def set_text(self, text: Tokens) -> None:
        assert self._target is not None
        self._target.set_text(*text)
        self._locked, self._own_template, self._box, self._evidence = False, False, None, 0.0
        self._status = "searching"

    # looking everywhere

    def _look(self, pixels: Pixels) -> Track:
        assert self._target is not None
        found = self._everywhere(pixels)[1]
        if found.quality < self._policy.candidate_threshold:
            self._evidence, self._box = 0.0, None
            return Track(None, found.quality, self._status, self._index)
        neutral, sure = self._policy.neutral_score, self._policy.text_detect_threshold
        worth = found.quality if self._own_template else (found.quality - neutral) / max(sure - neutral, 0.02)
        same = self._box is not None and found.box.iou(self._box) >= _SAME_PLACE
        if same and not self._differs(found.box, pixels):
            self._evidence = max(self._evidence, worth)
        else:
            self._evidence = max(0.0, self._evidence * same + worth)
            self._counted = self._images["ground"][0].copy()
        self._box = found.box
        enough = self._policy.detect_threshold if self._own_template else self._policy.text_detect_threshold
        if found.quality < enough and self._evidence < self._policy.confirm_score_sum:
            return Track(found.box, found.quality, "uncertain", self._index)
        if not self._own_template:
            self._learn(pixels, found.box)
        self._follow_from(found.box, pixels)
        self._belief = 1.0 if self._own_template else found.quality
        return Track(found.box, found.quality, "tracking", self._index)

    def _differs(self, box: Box, pixels: Pixels) -> bool:
        """Whether a block around ``box`` has another mean color than in the last look that counted."""
        image, where = self._images["ground"][0], letterbox(pixels.shape[1], pixels.shape[0])
        limit = self._policy.static_max_diff
        return differs(image, self._counted, box, where, std=self._manifest.std, limit=limit)

    def _everywhere(self, pixels: Pixels) -> tuple[dict[str, Array], Find]:
        """The maps of the whole frame and its best box, by the user's box if there is one: a find may be wrong."""
        assert self._target is not None
        region = letterbox(pixels.shape[1], pixels.shape[0])
        outputs = self._run(
            "ground", pixels, region, self._target.feeds if self._own_template else self._target.words
        )
        prediction = decode(outputs)
        box = clip(from_region(region, prediction.cxcywh), pixels.shape[1], pixels.shape[0])
        return outputs, Find(box, confidence(prediction))

    def _checked(self, pixels: Pixels) -> Box | None:
        """What to follow instead, by the sentence alone: another extent of the same thing, or what it fits better.

        Evidence against what is followed adds up over the checks, as the logarithm of how much better the other fits.
        """
        assert self._box is not None
        outputs, found = self._everywhere(pixels)
        here = quality_within(outputs, self._box, letterbox(pixels.shape[1], pixels.shape[0]))
        here *= float(outputs["presence"][0, 0])
        if self._differs(self._box, pixels):
            self._counted = self._images["ground"][0].copy()
            self._belief = believed(self._belief, here, self._policy.neutral_score)
        if self._left is not None and self._index > self._left:
            self._belief, self._left = min(max(here, FAINT), 1 - FAINT), None
        agreed, self._agreed = self._agreed, 0
        if found.quality < self._policy.candidate_threshold:
            return None
        if max(found.box.coverage(self._box), self._box.coverage(found.box)) >= 0.6:  # the same thing
            self._against = 0.0
            in_view = not at_edge(found.box, pixels.shape[1], pixels.shape[0])
            came_into_view = self._cut and in_view and found.quality >= self._policy.text_detect_threshold
            if came_into_view or found.box.iou(self._box) < self._policy.refit_iou:
                return found.box if in_view or self._cut else None  # None: it leaves
            self._agreed = min(agreed + 1, self._policy.max_agreed_checks)
            if found.quality >= self._policy.text_detect_threshold:
                self._identity = Identity(self._box)
            if found.quality >= self._policy.neutral_score and in_view:
                self._size.add(self._box, found.box)
            return None
        self._against = max(0.0, self._against + math.log(found.quality / max(here, 0.02)))
        if self._against < self._policy.switch_evidence:
            return None
        self._belief = found.quality
        return found.box

    def _learn(self, pixels: Pixels, found: Box) -> None:
        assert self._target is not None
        self._target.set_template(pixels, found)
        self._since_blend = self._first_wait(found)
        self._cut = at_edge(found, pixels.shape[1], pixels.shape[0])

    def _first_wait(self, box: Box) -> int:
        interval = self._policy.template_blend_interval
        return int(abs(box.x + box.y)) % interval if interval else 0

    def _follow_from(self, box: Box, pixels: Pixels) -> None:
        self._box, self._locked, self._streak, self._status = box, True, 0, "tracking"
        self._size = SizeCorrection()
        self._against, self._owed, self._agreed = 0.0, 0, 0
        may_leave = not self._own_template and at_edge(box, pixels.shape[1], pixels.shape[0])
        self._identity, self._left = Identity(box), self._index if may_leave else None
        self._certain = self._policy.template_blend_delay
        self._pace.start(box, self._index)

    # following

    def _skip(self, pixels: Pixels, basis: Basis) -> Track:
        assert self._box is not None
        if basis == "coasted":
            height, width = pixels.shape[:2]
            self._box = clip(self._pace.motion.ahead(self._box, width, height), width, height)
        return self._reported(pixels, self._latest.score, basis)

    def _reported(self, pixels: Pixels, score: float, basis: Basis = "network") -> Track:
        assert self._box is not None
        box = self._size.of(self._box, pixels.shape[1], pixels.shape[0])
        return Track(box, score, self._status, self._index, basis)

    def _follow(self, pixels: Pixels, *, late: bool) -> Track:
        assert self._box is not None
        assert self._target is not None
        policy, before = self._policy, self._box
        due = not self._own_template and (
            self._owed > 0 or self._index % (policy.reverify_interval << self._agreed) == 0
        )
        self._owed += due
        if self._status == "tracking":
            basis = self._pace.without_network(pixels, self._latest.basis, late=late)
            if basis is not None:
                return self._skip(pixels, basis)
        if due and (self._owed > policy.max_coasted_frames or not late):
            self._owed = 0
            better = self._checked(pixels)
            if better is not None:
                self._learn(pixels, better)
                self._follow_from(better, pixels)
                before = better
        region = self._pace.region(before, self._streak, self._manifest.factors["search"])
        known = self._target.picture() if self._own_template else self._target.feeds
        outputs = self._run("search", pixels, region, known)
        if self._window is None:
            self._window = hann_window(outputs["score"].shape[-1])
        prediction = decode(
            outputs,
            window=self._window,
            influence=policy.window_influence,
            previous=(before.w / region[2], before.h / region[2]),
            penalty=policy.penalty_k,
        )
        score = confidence(prediction)
        if score >= policy.update_threshold:
            raw = from_region(region, prediction.cxcywh)
            smooth = smoothed(raw, before, policy.size_momentum)
            self._box = clip(smooth, pixels.shape[1], pixels.shape[0])
        self._identity.see(score, self._box, pixels, policy.doubtful_frames)
        self._pace.see(pixels, region, self._box if score >= policy.update_threshold else None, self._index)
        if self._identity.has_left and not self._own_template:
            self._left, self._belief = self._index, min(self._belief, policy.neutral_score)
        self._owed = max(self._owed, self._left is not None and self._left < self._index)
        self._remember(score, pixels, outputs, region, late=late)
        shown = score * self._belief
        self._agreed *= score >= policy.template_update_threshold
        if shown >= policy.track_threshold:
            self._streak, self._status = 0, "uncertain" if self._doubtful() else "tracking"
            return self._reported(pixels, shown)
        self._streak += 1
        if self._streak < policy.max_uncertain_frames:
            self._status = "uncertain"
            return self._reported(pixels, shown)
        self._locked, self._box, self._evidence, self._status = False, None, 0.0, "lost"
        return Track(None, shown, "lost", self._index)

    def _remember(
        self, score: float, pixels: Pixels, outputs: dict[str, Array], region: Region, *, late: bool
    ) -> None:
        """Update the prompts and the template from a frame in which the target was surely found."""
        assert self._box is not None
        assert self._target is not None
        if score < VANISHED:
            self._target.unblend()
            self._certain = -_LONGER * self._policy.template_blend_delay
        if score < self._policy.template_update_threshold or self._doubtful():
            self._certain = min(self._certain, 0)
            return
        policy = self._policy
        if policy.template_update_interval and self._index % policy.template_update_interval == 0:
            share = target_share(self._box, region, outputs["score"].shape[-1])
            self._target.refresh(outputs["embedding"], outputs["score"][0, 0], share, rate=0.3)
        in_view = not late and not self._faded and not at_edge(self._box, pixels.shape[1], pixels.shape[0])
        settled = in_view and self._certain >= policy.template_blend_delay
        if settled and policy.template_blend > 0 and self._since_blend >= policy.template_blend_interval:
            self._target.blend(pixels, self._box, policy.template_blend)
            self._since_blend = 0

    def _doubtful(self) -> bool:
        return self._identity.doubtful or self._belief < self._policy.neutral_score

    def _run(self, role: str, pixels: Pixels, region: Region, feeds: dict[str, Array]) -> dict[str, Array]:
        graph, manifest = self.engine.graph(role), self._manifest
        if role not in self._images:
            self._images[role] = np.empty(graph.inputs["image"].shape, np.float32)
        image = self._images[role]
        mean, std, fill = manifest.mean, manifest.std, manifest.fill
        crop_into(pixels, region, image, mean=mean, std=std, fill=fill)
        contrast = self._target.contrast
        restore = contrast.restore if role == "search" else contrast.restore_everywhere
        self._faded = restore(image, pixels, region, mean, std, fill)
        return graph.run({"image": image, **feeds})
