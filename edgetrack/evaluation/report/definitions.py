"""Definitions of the metrics, for the readers of a report."""

DEFINITIONS = (
    "AUC is the mean of 21 success rates, IoU strictly above 0, 0.05 ... 1, of each sequence, then over sequences.",
    "The first frame and frames without the target are left out; a frame without a box counts as IoU 0.",
    "Official AUC follows the toolkits instead: the truth on the first frame, a missing box repeats the one before, "
    "and an absent frame is a miss.",
    "OS50 and OS75: fraction of frames with IoU > 0.5 and > 0.75 (GOT-10k: SR). P20: centers at most 20 px apart; "
    "NP20: at most 0.2 of the target's size apart. AO: mean IoU.",
    "F, Pr and Re: VOT long-term, at the threshold with the best F; a frame without a box is not reported.",
    'AUROC and ECE (15 bins): the score against "the target is there and IoU >= 0.5", all frames but the first, '
    "absent ones included.",
    "First-frame accuracy: in text mode, sequences whose first box has IoU >= 0.5. False present: absent frames "
    "reported as tracking.",
    "Real time: frames arrive at a fixed rate, those that arrive while the tracker is busy are dropped, and each frame "
    "counts with the newest result that was ready when it arrived.",
    "Occlusion bursts: a patch of another image hides the whole target. Re-detected: IoU >= 0.5 within 30 frames after "
    "the burst; held before: IoU >= 0.5 in the frame before it. AUC during the burst, and of the 50 frames after it.",
    "Prompt switching: the new target is held from the first of 5 frames in a row with IoU >= 0.5 on; 100 frames are "
    "watched.",
    "Robustness: mean AUC over corruptions and severities, and (clean - mean) / clean. Error ratio: the sum of 1 - AUC "
    "over the reference's; below 1, the reference errs more.",
    "Failures of sensors: the first frame is whole; where a tracker has nothing else, a missing picture is gray. Drop: "
    "(AUC while nothing fails - AUC) / the former. Beside the one left: AUC of both, less that of the sensor that does "
    "not fail, alone.",
    "MPR and MSR (RGBT234): the better of the boxes in color and in x counts in each frame; GTOT uses 5 px.",
    "J&F (DAVIS): IoU with the mask and accuracy of its contour, first and last frame left out, each box filled and "
    "used as a mask.",
    "ms: median time of an update, without decoding the video.",
)
GROUNDING_DEFINITIONS = (
    "acc@0.5: fraction of sentences whose box has IoU >= 0.5 with the region's; one without a box is a miss.",
)
