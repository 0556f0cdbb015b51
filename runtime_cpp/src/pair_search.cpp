// The search of one region: the crop and its contrast; with a second sensor, the requirements on the frames,
// and in which of the two images the target is searched.
#include "decode.h"
#include "tracker_state.h"

namespace edgetrack {

namespace {

constexpr double kEnough = 0.5;  // score at which color alone is more likely right than wrong
// Minimum lead in score of both sensors over color alone, because color is seldom uncertain for long where it
// shows the target. On held-out pairs in which color fails, the lead is 0.6 on average, and a limit of 0.3
// costs a tenth of the gain by the second sensor.
constexpr double kSurer = 0.3;

}  // namespace

void Tracker::State::check_pair(const Frame& frame) const {
  if (!frame.x) return;
  if (!model.pairs)
    throw Error(Code::config,
                "a second sensor is given (x), but this bundle takes color only; expected a bundle "
                "for pairs of images: edgetrack-256-x, or one exported with --sensor, see docs/sensors.md");
  if (frame.place == Place::gpu)
    throw Error(Code::frame,
                "the frame is in GPU memory, and a second sensor is given (x); pass both in host memory");
  if (pace.static_check)
    throw Error(Code::config,
                "static_check compares color frames, but a second sensor is given (x); create the "
                "tracker without static_check");
}

void Tracker::State::note_displacement(const Frame& frame, const Region& region) {
  if (sensors.live(frame) == Present{true, true}) displacement.see(frame, second_of(frame), region, work);
}

Maps Tracker::State::run(Detector& detector, const Frame& frame, const Region& region) {
  const double before_s = work.timing.crop_s + work.timing.network_s;
  if (detector.share.data) {
    detector.pair.fill(detector.image, frame, region, displacement.seen_from(region), colors,
                       sensors.live(frame), work);
    target.show(detector.pair.shown());
    // In training, the graph for pairs has learned to doubt a dark or faded image next to a better one. With
    // contrast restored, it would trust the noise.
    detector.restored =
        detector.pair.shown() == Present{true, false} && restore(detector.image, frame, region);
    work.run(*detector.call);
  } else {
    const bool is_host = frame.place == Place::host;
    detector.restored = is_host && crop_into(detector.image, frame, region);
    work.look(*detector.call, detector.image, frame, region, colors, is_host);
  }
  detector.cost.add(work.timing.crop_s + work.timing.network_s - before_s);
  return detector.answer.maps();
}

bool Tracker::State::crop_into(const Tensor& image, const Frame& frame, const Region& region) {
  work.crop_into(image, frame, region, colors);
  return restore(image, frame, region);
}

bool Tracker::State::restore(const Tensor& image, const Frame& frame, const Region& region) {
  const Stopwatch watch(work.timing.crop_s);
  return target.restore(image, frame, region);
}

Prediction Tracker::State::best(const Answer& answer) const {
  const Prior here = prior();
  return decode(answer.maps(), &here);
}

Searched Tracker::State::search_by(Detector& detector, const Frame& frame) {
  run(detector, frame, around);
  return {detector, best(detector.answer)};
}

// A second sensor must not make results of color worse: if color alone is likely right, its result is used.
// Otherwise both are searched, and their result is used if its score is clearly higher for the second time in
// a row; at once if color is blank, and if its score is higher at all where color's contrast was restored.
Searched Tracker::State::search_pair(const Frame& frame) {
  note_displacement(frame, around);
  const bool can_try_color = sensors.live(frame)[0] && target.knows_color();
  if (!can_try_color || !color_first.due()) {
    if (can_try_color) color_first.skip();
    return search_by(searcher(true), frame);
  }
  target.show({true, false});
  const Searched alone = search_by(searcher(false), frame);
  const double by_color = confidence(alone.best);
  if (by_color >= kEnough) return color_first.note(true), alone;
  const Searched both = search_by(searcher(true), frame);
  const bool is_blank = !both.by.pair.shown()[0];
  const bool is_faded = alone.by.restored && !both.by.restored;
  const bool better = !is_blank && by_color + (is_faded ? 0 : kSurer) > confidence(both.best);
  const bool by_color_alone = color_first.note(better, is_blank || is_faded);
  if (by_color_alone) target.show({true, false});
  return by_color_alone ? alone : both;
}

// Estimates the time of the network in this frame, as far as it is known whether color alone will suffice.
double Tracker::State::seconds_of_a_search() {
  double seconds = 0;
  if (!is_pair || (has_color && color_first.due())) seconds += searcher(false).cost.seconds();
  if (is_pair && (!has_color || color_first.doubted())) seconds += searcher(true).cost.seconds();
  return seconds;
}

}  // namespace edgetrack
