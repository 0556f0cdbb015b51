/* Check an installed library from C. ctest runs these tests in the build of this folder. Prints each failure.
 */
#include <edgetrack/edgetrack.h>
#include <stdio.h>
#include <string.h>

enum { kWidth = 160, kHeight = 120, kFrames = 5 };

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  ++failures;
  fprintf(stderr, "FAILED: %s (last message: %s)\n", what, edgetrack_message());
}

/* Draw two squares of 30 pixels on gray: blue at 20, red at 90 pixels from the left. */
static void draw(uint8_t* bgr) {
  memset(bgr, 90, (size_t)kWidth * kHeight * 3);
  for (int y = 40; y < 70; ++y)
    for (int x = 0; x < 30; ++x) {
      bgr[3 * (y * kWidth + x + 20)] = 230;
      bgr[3 * (y * kWidth + x + 90) + 2] = 230;
    }
}

static int overlaps(const edgetrack_track* track, double x) {
  const edgetrack_box* box = &track->box;
  return track->has_box && box->x < x + 15 && box->x + box->w > x + 15 && box->y < 55 && box->y + box->h > 55;
}

/* Check the mask of the tracked square of 30 pixels. */
static void masks(edgetrack_tracker* tracker, const uint8_t* bgr) {
  static uint8_t inside[kWidth * kHeight];
  static float values[kWidth * kWidth];
  edgetrack_track track;
  edgetrack_mask mask = {0};
  edgetrack_logits logits = {0};
  expect(edgetrack_get_mask(tracker, &mask, NULL, 0) == EDGETRACK_OK && mask.width == 0, "no mask unasked");
  expect(edgetrack_set_masks(tracker, 2) == EDGETRACK_OK, "masks with logits");
  expect(edgetrack_update(tracker, bgr, kWidth, kHeight, 3 * kWidth, &track) == EDGETRACK_OK, "update");
  expect(edgetrack_get_mask(tracker, &mask, inside, sizeof inside) == EDGETRACK_OK, "the mask");
  expect(mask.width > 15 && mask.width < 60 && mask.height > 15 && mask.height < 60, "about the square");
  expect(inside[mask.height / 2 * mask.width + mask.width / 2] == 1, "its middle");
  expect(edgetrack_get_mask_logits(tracker, &logits, NULL, 0) == EDGETRACK_OK, "the size of the logits");
  expect(logits.side > 0 && logits.side <= kWidth && logits.region.w > 30, "the logits' square");
  expect(edgetrack_get_mask_logits(tracker, &logits, values, kWidth * kWidth) == EDGETRACK_OK, "the logits");
  const int middle = logits.side / 2 * logits.side + logits.side / 2;
  expect(values[middle] > 0 && values[0] < 0, "above 0 on the square alone");
}

static void one_target(const char* bundle, const uint8_t* bgr) {
  edgetrack_tracker* tracker = NULL;
  edgetrack_track track;
  const edgetrack_box box = {20, 40, 30, 30};
  expect(edgetrack_open(bundle, NULL, &tracker) == EDGETRACK_OK, "the bundle opens");
  if (!tracker) return;
  expect(edgetrack_update(tracker, bgr, kWidth, kHeight, 3 * kWidth, &track) == EDGETRACK_NOT_STARTED,
         "update before start is an error");
  expect(edgetrack_start(tracker, bgr, kWidth, kHeight, 3 * kWidth, NULL, &box, &track) == EDGETRACK_OK,
         "start by a box");
  for (int i = 0; i < kFrames; ++i)
    expect(edgetrack_update(tracker, bgr, kWidth, kHeight, 3 * kWidth, &track) == EDGETRACK_OK, "update");
  expect(track.index == kFrames && overlaps(&track, 20), "the box stays on its square");
  masks(tracker, bgr);
  edgetrack_close(tracker);
}

static void two_targets(const char* bundle, const uint8_t* bgr) {
  edgetrack_multi_tracker* tracker = NULL;
  const edgetrack_result* results = NULL;
  size_t count = 0;
  const edgetrack_box boxes[] = {{20, 40, 30, 30}, {90, 40, 30, 30}};
  expect(edgetrack_multi_open(bundle, NULL, 1, &tracker) == EDGETRACK_OK, "the bundle opens");
  if (!tracker) return;
  expect(edgetrack_multi_add(tracker, "blue", NULL, &boxes[0]) == EDGETRACK_OK, "add blue");
  expect(edgetrack_multi_add(tracker, "red", NULL, &boxes[1]) == EDGETRACK_OK, "add red");
  expect(edgetrack_multi_add(tracker, "red", NULL, &boxes[1]) == EDGETRACK_CONFIG, "a name is taken once");
  for (int i = 0; i < kFrames; ++i)
    expect(
        edgetrack_multi_update(tracker, bgr, kWidth, kHeight, 3 * kWidth, &results, &count) == EDGETRACK_OK,
        "update");
  expect(count == 2 && strcmp(results[0].name, "blue") == 0 && strcmp(results[1].name, "red") == 0,
         "a result for each, in order");
  expect(count == 2 && overlaps(&results[0].track, 20) && overlaps(&results[1].track, 90),
         "each box stays on its square");
  expect(edgetrack_multi_remove(tracker, "blue") == EDGETRACK_OK, "remove blue");
  expect(
      edgetrack_multi_update(tracker, bgr, kWidth, kHeight, 3 * kWidth, &results, &count) == EDGETRACK_OK &&
          count == 1 && strcmp(results[0].name, "red") == 0,
      "red alone is left");
  edgetrack_multi_close(tracker);
}

int main(int count, char** words) {
  static uint8_t bgr[kWidth * kHeight * 3];
  if (count != 2) {
    fprintf(stderr, "usage: check BUNDLE\n");
    return 2;
  }
  draw(bgr);
  edgetrack_tracker* none = NULL;
  expect(strcmp(EDGETRACK_VERSION, edgetrack_version()) == 0, "the header is the library's");
  expect(edgetrack_open("/nowhere", NULL, &none) == EDGETRACK_BUNDLE && !none,
         "a missing bundle is an error");
  one_target(words[1], bgr);
  two_targets(words[1], bgr);
  printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
