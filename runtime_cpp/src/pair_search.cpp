// The search of one region: the crop and its contrast; with a second sensor, the requirements on the frames,
// and in which of the two images the target is searched.
#include "decode.h"
#include "tracker_state.h"

namespace edgetrack {

namespace {

constexpr double kEnough = 0.5;  // score at which color is more likely right than wrong
// Minimum lead in score of the second sensor over color, because color is seldom uncertain for long where it
// shows the target. On held-out pairs in which color fails, the lead is 0.6 on average, and a limit of 0.3
// costs a tenth of the gain by the second sensor.
constexpr double kSurer = 0.3;

}  // namespace

void Tracker::State::check_pair(const Frame& frame) const {
  if (!frame.x) return;
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

// Switches the template, which a full-frame search in the background may be reading.
void Tracker::State::show(Senses senses) {
  if (whole_look.pending && target.would_switch(senses)) whole_look.aside->settle(whole_look.errand);
  target.show(senses);
}

Maps Tracker::State::run(Detector& detector, const Frame& frame, const Region& region) {
  const double before_s = work.timing.crop_s + work.timing.network_s;
  show(detector.senses);
  if (detector.senses == Senses::both) {
    // The graph for pairs has learned to doubt a dark or faded image, so its contrast is not restored.
    detector.pair.fill(detector.image, frame, region, displacement.seen_from(region), colors,
                       sensors.live(frame), work);
    work.run(*detector.call);
  } else if (detector.senses == Senses::second) {
    work.look(*detector.call, detector.image, second_of(frame), displacement.seen_from(region), colors);
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
  const Stopwatch watch(work.timing.crop_s);
  return faded = target.restore(image, frame, region);
}

Prediction Tracker::State::best(const Answer& answer) const {
  const Prior here = prior();
  return decode(answer.maps(), &here);
}

Searched Tracker::State::search_by(Senses senses, const Frame& frame) {
  Detector& detector = searcher(senses);
  run(detector, frame, around);
  return {detector, best(detector.answer)};
}

// Returns what to search instead of color. The graphs for pairs, if the model has them, compare a template
// with the image of the other sensor.
Senses Tracker::State::besides_color() const {
  return target.knows()[1] || !model.pairs ? Senses::second : Senses::both;
}

// A second sensor must not make results of color worse: if color is likely right, its result is used.
// Otherwise the second sensor is searched, and its result is used if its score is clearly higher for the
// second time in a row; at once, and if its score is higher at all, where color's contrast was restored.
// Color is tried in every frame until one of the two is sure, because a target that has left may return in
// either.
Searched Tracker::State::search_pair(const Frame& frame) {
  const Present live = sensors.live(frame);
  const bool is_damaged = live == Present{true, true} && target.knows()[1] && has_gaps(frame, around) &&
                          !has_gaps(second_of(frame), displacement.seen_from(around));
  if (!is_damaged) note_displacement(frame, around);
  const Present there = showing(frame, around, displacement.seen_from(around), live);
  const bool try_color = there[0] && target.knows()[0] && !is_damaged;
  if (try_color && !there[1]) return search_by(Senses::color, frame);
  if (!there[1]) return search_by(model.pairs ? Senses::both : Senses::color, frame);  // color is new to it
  if (!try_color || !color_first.due()) {
    const Searched second = search_by(besides_color(), frame);
    if (try_color) color_first.skip();
    if (confidence(second.best) < kEnough) color_first.retry();
    return second;
  }
  const Searched color = search_by(Senses::color, frame);
  const double by_color = confidence(color.best);
  const bool is_faded = dim = color.by.restored;
  if (by_color >= kEnough && !is_faded) return color_first.note(true), color;
  const Searched other = search_by(besides_color(), frame);
  const bool better = by_color + (is_faded ? 0 : kSurer) > confidence(other.best);
  if (!color_first.note(better, is_faded)) {
    if (confidence(other.best) < kEnough) color_first.retry();
    return other;
  }
  show(Senses::color);
  return color;
}

// Whether a full-frame search uses the second sensor's image: it needs a template of its own, and takes turns
// with color if the contrast of that was restored, since the target may not be visible there.
bool Tracker::State::looks_in_second(const Frame& frame) const {
  const Present live = sensors.live(frame);
  if (!looks_by_picture() || !live[1] || !target.knows()[1]) return false;
  return !live[0] || !target.knows()[0] || (dim && !whole_look.in_second);
}

// A target found by a sentence, or started without the second sensor, has the template of color only. That of
// the second sensor is added as soon as color has certainly found the target. Color is not added in turn,
// because at night its template would be mostly noise, which every dark image resembles.
void Tracker::State::learn_second(const Frame& frame) {
  if (target.knows()[1] || contested) return;
  const Region second = displacement.seen_from(around);
  if (showing(frame, around, second, sensors.live(frame))[1] && !has_gaps(second_of(frame), second))
    target.add_second(frame, *box, work, displacement);
}

// Estimates the time of the network in this frame, as far as it is known whether color will suffice.
double Tracker::State::seconds_of_a_search() {
  double seconds = 0;
  if (!is_pair || (has_color && color_first.due())) seconds += searcher(Senses::color).cost.seconds();
  if (is_pair && (!has_color || color_first.doubted())) seconds += searcher(besides_color()).cost.seconds();
  return seconds;
}

}  // namespace edgetrack
