/* The tracker for C and for every language that can call it. No exception leaves these functions, none ends
 * the process, and a null pointer is an error like any other. Threads that call one tracker take turns;
 * edgetrack_close and edgetrack_multi_close must come after the last call has returned. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "edgetrack/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edgetrack_tracker edgetrack_tracker;

/* What every function gives back. */
typedef enum {
  EDGETRACK_OK = 0,
  EDGETRACK_FRAME = 1,       /* no pixels, or rows closer than they are long */
  EDGETRACK_BOX = 2,         /* not finite, empty, or its center outside the frame */
  EDGETRACK_PROMPT = 3,      /* a text that is empty, too long, unknown or not UTF-8 */
  EDGETRACK_CONFIG = 4,      /* an option outside its allowed values, or a null pointer */
  EDGETRACK_NOT_STARTED = 5, /* update or set_text before start */
  EDGETRACK_BUNDLE = 6,      /* a model bundle that is missing, damaged or foreign */
  EDGETRACK_ENGINE = 7,      /* an engine that cannot run here */
  EDGETRACK_INTERNAL = 8     /* anything else, such as no memory */
} edgetrack_code;

typedef enum {
  EDGETRACK_SEARCHING = 0,
  EDGETRACK_TRACKING = 1,
  EDGETRACK_UNCERTAIN = 2,
  EDGETRACK_LOST = 3
} edgetrack_status;

/* What the box of a track rests on. */
typedef enum {
  EDGETRACK_NETWORK = 0, /* the network's look at this frame */
  EDGETRACK_COASTED = 1, /* its motion of late: the deadline was short */
  EDGETRACK_REUSED = 2   /* the network's last look: nothing has changed since */
} edgetrack_basis;

/* In pixels of the frame, origin at the top left. */
typedef struct {
  double x, y, w, h;
} edgetrack_box;

typedef struct {
  edgetrack_box box; /* zeros without one */
  int has_box;       /* 0 while searching or lost */
  double score;      /* 0..1 */
  edgetrack_status status;
  int64_t index; /* frames since start, which is 0 */
  edgetrack_basis basis;
  double x_share; /* of the second sensor in what the network saw, 0..1; -1 without a pair */
  int modalities; /* bits of what it last saw: 1 color, 2 the second sensor */
} edgetrack_track;

/* What color and a second sensor (thermal, depth, events) show at one moment: aligned pictures of one size,
 * three bytes a pixel, gray ones with three equal bytes. NULL for the one that is missing. */
typedef struct {
  const uint8_t* bgr;
  ptrdiff_t row_bytes;
  const uint8_t* x;
  ptrdiff_t x_row_bytes;
  int width, height;
} edgetrack_pair;

/* What a look at the whole frame has found. */
typedef struct {
  edgetrack_box box;
  double score;  /* 0..1, that it is what the text means */
  double margin; /* its score, less that of the best of the others, of those that lie elsewhere */
} edgetrack_candidate;

/* The smallest rectangle of the frame that holds the target's pixels; zeros without any. */
typedef struct {
  int x, y, width, height;
} edgetrack_mask;

/* The logits that a mask was made from: `side` rows of `side` values over all of a square region of the
 * frame, which may reach out of it; above 0 where a place is the target's. Zeros without any. */
typedef struct {
  edgetrack_box region;
  int side;
} edgetrack_logits;

/* How a bundle is opened. Zeros are the defaults: edgetrack_options options = {0}. */
typedef struct {
  const char* precision; /* "fp32" (or NULL), or "int8" if the bundle has it */
  const char* library;   /* file of ONNX Runtime's shared library; NULL: what the environment variable
                            EDGETRACK_ONNXRUNTIME_LIBRARY names, else the system's */
  int threads;           /* per network call, at most the cores of this process; 0: 2, or 1 on one core */
} edgetrack_options;

/* Where the time of the last start, update or set_text went, in seconds; the rest is the tracker's own. */
typedef struct {
  double crop_s, network_s, total_s;
} edgetrack_timing;

/* Opens the bundle in a folder on ONNX Runtime; `options` may be NULL. After an error *tracker is NULL. */
EDGETRACK_API edgetrack_code edgetrack_open(const char* bundle, const edgetrack_options* options,
                                            edgetrack_tracker** tracker);

/* Loads and runs every network once, so that neither the first text nor the first loss takes longer. */
EDGETRACK_API edgetrack_code edgetrack_warm_up(edgetrack_tracker* tracker);

/* Names the target by a text (UTF-8), by a box, or by both (NULL for the one that is not given), and finds it
 * in the first frame: height rows of width pixels, three bytes each in BGR order, row_bytes apart (negative
 * where they run upwards). The frame is read in the call alone. After an error *track is as it was. */
EDGETRACK_API edgetrack_code edgetrack_start(edgetrack_tracker* tracker, const uint8_t* bgr, int width,
                                             int height, ptrdiff_t row_bytes, const char* text,
                                             const edgetrack_box* box, edgetrack_track* track);

/* Finds the target in the next frame. */
EDGETRACK_API edgetrack_code edgetrack_update(edgetrack_tracker* tracker, const uint8_t* bgr, int width,
                                              int height, ptrdiff_t row_bytes, edgetrack_track* track);

/* The same by a deadline, more than 0 milliseconds from the call: a box that is tracked coasts while the
 * network would take longer, for 3 frames in a row at most. */
EDGETRACK_API edgetrack_code edgetrack_update_within(edgetrack_tracker* tracker, const uint8_t* bgr,
                                                     int width, int height, ptrdiff_t row_bytes,
                                                     double deadline_ms, edgetrack_track* track);

/* The same at a time in seconds, on any clock, and by a deadline (0 for none). With times, patience, coasting
 * and verification follow the clock instead of counting frames; one that stands still, runs backwards or
 * leaps by more than a second is ignored for that frame. */
EDGETRACK_API edgetrack_code edgetrack_update_at(edgetrack_tracker* tracker, const uint8_t* bgr, int width,
                                                 int height, ptrdiff_t row_bytes, double time_s,
                                                 double deadline_ms, edgetrack_track* track);

/* As edgetrack_start and edgetrack_update_at with a second sensor beside color, for bundles that were
 * exported with one; `time_s` may be NULL, and `deadline_ms` 0. Without color a target is started by a box.
 */
EDGETRACK_API edgetrack_code edgetrack_start_pair(edgetrack_tracker* tracker, const edgetrack_pair* pair,
                                                  const char* text, const edgetrack_box* box,
                                                  edgetrack_track* track);
EDGETRACK_API edgetrack_code edgetrack_update_pair(edgetrack_tracker* tracker, const edgetrack_pair* pair,
                                                   const double* time_s, double deadline_ms,
                                                   edgetrack_track* track);

/* The camera has paused: the next frame is looked at as a whole first. */
EDGETRACK_API edgetrack_code edgetrack_note_gap(edgetrack_tracker* tracker);

/* Whether a box that has not moved stands, for 5 frames in a row at most, while nothing changes around it.
 * Off (0) at first. */
EDGETRACK_API edgetrack_code edgetrack_set_static_check(edgetrack_tracker* tracker, int on);

/* Whether each box comes with a mask (1), or with a mask and its logits (2). Off (0) at first. */
EDGETRACK_API edgetrack_code edgetrack_set_masks(edgetrack_tracker* tracker, int on);

/* As edgetrack_start(), with the first mask: a byte for each pixel of the frame, nonzero on the target.
 * Without a box (null) the target's is the extent of the mask. Masks must be on. */
EDGETRACK_API edgetrack_code edgetrack_start_masked(edgetrack_tracker* tracker, const uint8_t* bgr, int width,
                                                    int height, ptrdiff_t row_bytes, const char* text,
                                                    const edgetrack_box* box, const uint8_t* inside,
                                                    edgetrack_track* track);

/* The mask of the last frame. With room for its pixels they are written to `inside`, row by row, 1 for those
 * of the target; without (less than width * height), only *mask is. */
EDGETRACK_API edgetrack_code edgetrack_get_mask(edgetrack_tracker* tracker, edgetrack_mask* mask,
                                                uint8_t* inside, size_t room);

/* The logits of that mask: none unless asked for, nor of a mask that was given. With room for side * side
 * values they are written to `values`, row by row; without, only *logits is. */
EDGETRACK_API edgetrack_code edgetrack_get_mask_logits(edgetrack_tracker* tracker, edgetrack_logits* logits,
                                                       float* values, size_t room);

/* Whether a target whose text fits several things about equally well stays searching, or lost, until one is
 * chosen or only one is left. Off (0) at first: the best one is followed. */
EDGETRACK_API edgetrack_code edgetrack_wait_if_ambiguous(edgetrack_tracker* tracker, int on);

/* The candidates of the look that came to its answer in the last start or update, the best first: at most
 * `room` of them into `candidates`, and how many there are into *count, 0 where no look did. */
EDGETRACK_API edgetrack_code edgetrack_get_candidates(edgetrack_tracker* tracker,
                                                      edgetrack_candidate* candidates, size_t room,
                                                      size_t* count);

/* The target is the candidate in that box, with the next frame on; the text is not forgotten. */
EDGETRACK_API edgetrack_code edgetrack_choose(edgetrack_tracker* tracker, const edgetrack_box* candidate);

/* The target is what is in that box of the next frame; the text is not forgotten. */
EDGETRACK_API edgetrack_code edgetrack_correct(edgetrack_tracker* tracker, const edgetrack_box* box);

/* Another target by its text (UTF-8), from the next frame on; after an error it stays what it was. */
EDGETRACK_API edgetrack_code edgetrack_set_text(edgetrack_tracker* tracker, const char* text);

EDGETRACK_API edgetrack_code edgetrack_get_timing(edgetrack_tracker* tracker, edgetrack_timing* timing);

/* Forgets the target, as if start had never been called; the networks stay loaded. */
EDGETRACK_API edgetrack_code edgetrack_reset(edgetrack_tracker* tracker);

/* NULL is allowed. */
EDGETRACK_API void edgetrack_close(edgetrack_tracker* tracker);

/* Several targets in one video on one engine: one set of weights, a state for each target. */
typedef struct edgetrack_multi_tracker edgetrack_multi_tracker;

/* What became of one target in one frame. */
typedef struct {
  const char* name;
  edgetrack_code code;     /* EDGETRACK_OK, or why this target has no track in this frame */
  const char* message;     /* what went wrong; "" if nothing did */
  edgetrack_track track;   /* zeros unless code is EDGETRACK_OK */
  edgetrack_timing timing; /* of this target; what several cost together is shared equally */
} edgetrack_result;

/* Opens the bundle in a folder as edgetrack_open does. With `exclusive` (1) an object belongs to one target
 * only; with 0 targets ignore each other. After an error *tracker is NULL. */
EDGETRACK_API edgetrack_code edgetrack_multi_open(const char* bundle, const edgetrack_options* options,
                                                  int exclusive, edgetrack_multi_tracker** tracker);

/* Loads and runs every network once, as edgetrack_warm_up does. */
EDGETRACK_API edgetrack_code edgetrack_multi_warm_up(edgetrack_multi_tracker* tracker);

/* Adds a target under a name that no other has, by a text, by a box in the next frame, or by both (NULL for
 * the one that is not given). It starts with the next frame. */
EDGETRACK_API edgetrack_code edgetrack_multi_add(edgetrack_multi_tracker* tracker, const char* name,
                                                 const char* text, const edgetrack_box* box);

EDGETRACK_API edgetrack_code edgetrack_multi_remove(edgetrack_multi_tracker* tracker, const char* name);

/* Another text for a target, from the next frame on; after an error it stays what it was. */
EDGETRACK_API edgetrack_code edgetrack_multi_set_text(edgetrack_multi_tracker* tracker, const char* name,
                                                      const char* text);

/* As edgetrack_set_static_check, for all targets. */
EDGETRACK_API edgetrack_code edgetrack_multi_set_static_check(edgetrack_multi_tracker* tracker, int on);

/* Finds all targets in the next frame. *results then has *count results, in the order in which the targets
 * were added; they are valid until the next call with this tracker. A target that fails says so in its
 * result, keeps its state and is tried again with the next frame; the call itself fails for a bad frame or
 * without any target, and *results is then NULL and *count 0. */
EDGETRACK_API edgetrack_code edgetrack_multi_update(edgetrack_multi_tracker* tracker, const uint8_t* bgr,
                                                    int width, int height, ptrdiff_t row_bytes,
                                                    const edgetrack_result** results, size_t* count);

/* The same by a deadline for all targets together, as in edgetrack_update_within: the first targets have the
 * network, and the boxes of the others coast. */
EDGETRACK_API edgetrack_code edgetrack_multi_update_within(edgetrack_multi_tracker* tracker,
                                                           const uint8_t* bgr, int width, int height,
                                                           ptrdiff_t row_bytes, double deadline_ms,
                                                           const edgetrack_result** results, size_t* count);

/* The same with a second sensor beside color; `deadline_ms` may be 0. */
EDGETRACK_API edgetrack_code edgetrack_multi_update_pair(edgetrack_multi_tracker* tracker,
                                                         const edgetrack_pair* pair, double deadline_ms,
                                                         const edgetrack_result** results, size_t* count);

/* NULL is allowed. */
EDGETRACK_API void edgetrack_multi_close(edgetrack_multi_tracker* tracker);

/* Finds everything in a frame that a phrase names, beside the targets of a tracker. */
typedef struct edgetrack_detector edgetrack_detector;

/* One thing that a look has found. */
typedef struct {
  edgetrack_box box;
  double score; /* 0..1, that the phrase names it */
  const float*
      appearance; /* of unit length: the dot product of two says how alike they look; NULL if unsure */
  size_t appearance_count; /* how many numbers; 0 if unsure */
} edgetrack_detection;

/* Finds what a phrase (UTF-8) names: at most `most` things that score `least` or more; those that score
 * `sure` or more have an appearance. It takes turns with the tracker, shares its networks, and may outlive
 * it. After an error *detector is NULL. */
EDGETRACK_API edgetrack_code edgetrack_multi_detector(edgetrack_multi_tracker* tracker, const char* phrase,
                                                      double least, double sure, size_t most,
                                                      edgetrack_detector** detector);

/* Another phrase; a look that is under way is forgotten. After an error it stays what it was. */
EDGETRACK_API edgetrack_code edgetrack_detector_set_text(edgetrack_detector* detector, const char* phrase);

/* Begins a look at a frame, as edgetrack_start takes it: the networks run beside the caller. */
EDGETRACK_API edgetrack_code edgetrack_detector_look(edgetrack_detector* detector, const uint8_t* bgr,
                                                     int width, int height, ptrdiff_t row_bytes);

/* Waits for the look, for that many seconds at most; *done is 1 once its answer is there. */
EDGETRACK_API edgetrack_code edgetrack_detector_wait(edgetrack_detector* detector, double seconds, int* done);

/* Waits for the look. *detections then has what it has found, *count of them, the best first; they are valid
 * until the next call with this detector. None without a look. */
EDGETRACK_API edgetrack_code edgetrack_detector_get(edgetrack_detector* detector,
                                                    const edgetrack_detection** detections, size_t* count);

/* NULL is allowed. */
EDGETRACK_API void edgetrack_detector_close(edgetrack_detector* detector);

/* EDGETRACK_VERSION of the library that runs, which may not be the header's: a program that finds another
 * minor version before 1.0 was built for another interface. */
EDGETRACK_API const char* edgetrack_version(void);

/* What went wrong in this thread's last call that failed: valid until its next call. Never NULL. */
EDGETRACK_API const char* edgetrack_message(void);

#ifdef __cplusplus
}
#endif
