"""Definitions of the metrics, for the readers of a report."""

DEFINITIONS = (
    "AUC: mean of 21 success rates (IoU strictly above 0, 0.05 ... 1) of each sequence, then the mean over "
    "sequences.",
    "The first frame and frames without the target are excluded; a frame without a predicted box counts as "
    "IoU 0.",
    "Official AUC follows the toolkits instead: the ground truth in the first frame, a missing box repeats "
    "the previous one, and an absent frame is a miss.",
    "OS50 and OS75: fraction of frames with IoU > 0.5 and > 0.75 (GOT-10k: SR). P20: centers at most 20 px "
    "apart; NP20: at most 0.2 of the target's size apart. AO: mean IoU.",
    "F, Pr and Re: VOT long-term, at the threshold with the best F; a frame without a box is not reported.",
    'AUROC and ECE (15 bins): the score against "the target is present and IoU >= 0.5", in all frames but the '
    "first, including those without the target.",
    "First-frame accuracy: in text mode, fraction of sequences whose first box has IoU >= 0.5. False "
    "present: frames without the target reported as tracking.",
    "Real time: frames arrive at a fixed rate, frames that arrive while the tracker is busy are dropped, and "
    "each frame is evaluated with the newest result that was ready when it arrived.",
    "Occlusion bursts: a patch of another image hides the whole target. Re-detected: IoU >= 0.5 within 30 "
    "frames after the burst; held before: IoU >= 0.5 in the frame before the burst. AUC: during the burst, "
    "and over the 50 frames after it.",
    "Prompt switching: the new target is held from the first of 5 successive frames with IoU >= 0.5; 100 "
    "frames are observed.",
    "Robustness: mean AUC over corruptions and severities, and its drop (clean - mean) / clean. Error ratio: "
    "the sum of 1 - AUC divided by that of the reference; below 1, the reference makes more errors.",
    "Sensor failures: the first frame is intact; if a tracker has no other image, the missing one is "
    "replaced by gray. Drop: (AUC without failure - AUC) / AUC without failure. Against the intact sensor: "
    "AUC of both sensors minus AUC of the sensor that does not fail, used alone.",
    "MPR and MSR (RGBT234): in each frame, the better of the true boxes in color and in x counts; GTOT uses "
    "5 px.",
    "J&F (DAVIS): IoU with the mask and accuracy of its contour, without the first and last frame; each box "
    "is filled and used as a mask.",
    "ms: median time of an update, without decoding the video.",
)
GROUNDING_DEFINITIONS = (
    "acc@0.5: fraction of sentences whose predicted box has IoU >= 0.5 with that of the region; a missing "
    "box is a miss.",
)
