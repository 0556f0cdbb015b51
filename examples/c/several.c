/* Follow several targets with one engine in C, in raw BGR frames from standard input:
 *
 *   ffmpeg -i drive.mp4 -pix_fmt bgr24 -f rawvideo - | several BUNDLE 640x480 "red car" "blue car"
 *
 * Prints one line per target and frame: name, index, status, score, and the box in pixels. */
#include <edgetrack/edgetrack.h>
#include <stdio.h>
#include <stdlib.h>

static const char* const kStatuses[] = {"searching", "tracking", "uncertain", "lost"};

static int fail(edgetrack_code code) {
  fprintf(stderr, "error: %s\n", edgetrack_message());
  return (int)code;
}

static void print(const edgetrack_result* result) {
  const edgetrack_track* track = &result->track;
  if (result->code != EDGETRACK_OK) { /* retried with the next frame */
    fprintf(stderr, "%s: %s\n", result->name, result->message);
    return;
  }
  printf("%s: %lld %s %.3f", result->name, (long long)track->index, kStatuses[track->status], track->score);
  if (track->has_box) printf(" %.1f %.1f %.1f %.1f", track->box.x, track->box.y, track->box.w, track->box.h);
  printf("\n");
}

/* Return 0 at the end of the input, or the code of the first error. */
static int follow(edgetrack_multi_tracker* tracker, int width, int height, uint8_t* pixels) {
  const ptrdiff_t row_bytes = 3 * (ptrdiff_t)width;
  const size_t bytes = (size_t)row_bytes * (size_t)height;
  while (fread(pixels, 1, bytes, stdin) == bytes) {
    const edgetrack_result* results;
    size_t count;
    const edgetrack_code code =
        edgetrack_multi_update(tracker, pixels, width, height, row_bytes, &results, &count);
    if (code != EDGETRACK_OK) return fail(code);
    for (size_t i = 0; i < count; ++i) print(&results[i]);
  }
  return 0;
}

int main(int count, char** words) {
  int width = 0, height = 0;
  if (count < 4 || sscanf(words[2], "%dx%d", &width, &height) != 2 || width <= 0 || height <= 0) {
    fprintf(stderr, "usage: several BUNDLE WIDTHxHEIGHT TEXT... < FRAMES\n");
    return 2;
  }
  edgetrack_multi_tracker* tracker = NULL;
  edgetrack_code code = edgetrack_multi_open(words[1], NULL, 1, &tracker);
  for (int i = 3; code == EDGETRACK_OK && i < count; ++i)
    code = edgetrack_multi_add(tracker, words[i], words[i], NULL);
  int result = code == EDGETRACK_OK ? 0 : fail(code);
  uint8_t* pixels = malloc((size_t)width * 3 * (size_t)height);
  if (result == 0) result = pixels ? follow(tracker, width, height, pixels) : EDGETRACK_INTERNAL;
  free(pixels);
  edgetrack_multi_close(tracker);
  return result;
}
