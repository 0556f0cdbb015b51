/* Follow the object that a sentence names in C, in raw BGR frames from standard input:
 *
 *   ffmpeg -i drive.mp4 -pix_fmt bgr24 -f rawvideo - | track BUNDLE "red car" 640x480
 *
 * Prints one line per frame: index, status, score, and the box in pixels. Every language that can call C
 * (Rust, Go, C#, Julia) can use the same functions. */
#include <edgetrack/edgetrack.h>
#include <stdio.h>
#include <stdlib.h>

static const char* const kStatuses[] = {"searching", "tracking", "uncertain", "lost"};

static int fail(edgetrack_code code) {
  fprintf(stderr, "error: %s\n", edgetrack_message());
  return (int)code;
}

static void print(const edgetrack_track* track) {
  printf("%lld %s %.3f", (long long)track->index, kStatuses[track->status], track->score);
  if (track->has_box) printf(" %.1f %.1f %.1f %.1f", track->box.x, track->box.y, track->box.w, track->box.h);
  printf("\n");
}

/* Return 0 at the end of the input, or the code of the first error. */
static int follow(edgetrack_tracker* tracker, const char* text, int width, int height, uint8_t* pixels) {
  const ptrdiff_t row_bytes = 3 * (ptrdiff_t)width;
  const size_t bytes = (size_t)row_bytes * (size_t)height;
  edgetrack_track track;
  int started = 0;
  while (fread(pixels, 1, bytes, stdin) == bytes) {
    const edgetrack_code code =
        started ? edgetrack_update(tracker, pixels, width, height, row_bytes, &track)
                : edgetrack_start(tracker, pixels, width, height, row_bytes, text, NULL, &track);
    if (code != EDGETRACK_OK) return fail(code);
    started = 1;
    print(&track);
  }
  return 0;
}

int main(int count, char** words) {
  int width = 0, height = 0;
  if (count != 4 || sscanf(words[3], "%dx%d", &width, &height) != 2 || width <= 0 || height <= 0) {
    fprintf(stderr, "usage: track BUNDLE TEXT WIDTHxHEIGHT < FRAMES\n");
    return 2;
  }
  edgetrack_tracker* tracker = NULL;
  const edgetrack_code code = edgetrack_open(words[1], NULL, &tracker);
  if (code != EDGETRACK_OK) return fail(code);
  uint8_t* pixels = malloc((size_t)width * 3 * (size_t)height);
  const int result = pixels ? follow(tracker, words[2], width, height, pixels) : EDGETRACK_INTERNAL;
  free(pixels);
  edgetrack_close(tracker);
  return result;
}
