#include "edgetrack/tracker.h"

#include "contract.h"
#include "tracker_state.h"

namespace edgetrack {

namespace {

void check(const Frame& frame, const Pace& pace, const Outside* outside) {
  check_frame(frame);
  check_comparable(frame, pace.static_check);
  check_on_host(frame, outside);
}

}  // namespace

Tracker::Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy)
    : Tracker(std::move(engine), model, policy, nullptr) {}

Tracker::Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
                 std::shared_ptr<Aside> shared)
    : state_(std::make_unique<State>(checked(std::move(engine)), model, policy, std::move(shared))) {}

Tracker::~Tracker() = default;

const std::vector<Candidate>& Tracker::candidates() const { return state_->candidates; }

const Mask& Tracker::mask() const {
  static const Mask none;
  return state_->masker ? state_->masker->mask() : none;
}

const Timing& Tracker::timing() const { return state_->work.timing; }

Track Tracker::start(const Frame& frame, const Text* text, const Box* box, std::optional<double> time_s,
                     const std::uint8_t* mask) {
  State& state = *state_;
  state.work.timing = {};
  const Stopwatch watch(state.work.timing.total_s);
  check(frame, state.pace, state.outside.get());
  state.check_pair(frame);
  Clock::check(time_s);
  if (mask && !state.masker)
    throw Error(Code::config, "start() got a mask, but masks are off; turn them on: Tracker(masks=True)");
  const Box outlined = mask && !box ? Masker::extent_of(mask, frame.width, frame.height) : Box{};
  if (mask && !box) box = &outlined;
  if (!text && !box)
    throw Error(Code::config,
                "start() got neither text nor box; give one of them, as in: start(frame, text='red car')");
  if (box) check_inside(*box, frame);
  if (!frame.color && !box)
    throw Error(Code::config,
                "start() got a text without a color frame, but texts are searched for in color; give the box "
                "as well: start(x=thermal, box=(x, y, w, h))");
  if (!frame.color && mask)
    throw Error(
        Code::config,
        "start() got a mask without a color frame, but masks need color; pass the color frame as well");
  if (text) state.check(*text);
  state.clear();
  state.take(frame);
  if (text) state.target.set_text(*text, state.work);
  state.index = 0;
  state.clock.start(time_s);
  Track track = {box ? std::optional<Box>(*box) : std::nullopt, 1.0, Status::tracking, 0};
  if (box) {
    state.note_displacement(frame, region_around(*box, state.model.search_factor));
    state.learn(frame, *box);
    state.own_template = true;
    state.follow_from(*box);
    state.modalities = state.target.knows();
  } else {
    track = state.look_now(frame);
    state.modalities = {true, false};
  }
  track.modalities = state.modalities;
  if (mask)
    state.masker->learn(frame, *box, state.colors, mask, state.work), state.masked = *box;
  else
    state.outline(frame, track);
  state.started = true;
  return state.latest = track;
}

void Tracker::reset() {
  state_->clear();
  state_->latest = {};
}

void Tracker::set_static_check(bool on) { state_->pace.static_check = on; }

void Tracker::set_masks(bool on, bool logits) {
  if (!on) state_->masker.reset();
  if (on && !state_->masker) state_->masker = std::make_unique<Masker>(*state_->engine, state_->model);
  if (on) state_->masker->keep_logits(logits);
}

void Tracker::note_gap() { state_->paused = true; }

Track Tracker::update(const Frame& frame, std::optional<double> deadline_ms, std::optional<double> time_s) {
  const Deadline deadline(deadline_ms);
  State& state = *state_;
  state.work.timing = {};
  const Stopwatch watch(state.work.timing.total_s);
  check(frame, state.pace, state.outside.get());
  state.check_pair(frame);
  Clock::check(time_s);
  if (!state.started)
    throw Error(Code::not_started,
                "update() before start(); call start(frame, text=...) or start(frame, box=...) first");
  const std::optional<Track> begun = state.begin(frame, deadline, time_s);
  const Track track = begun ? *begun : state.search_alone(frame);
  if (state.may_blend(deadline.left_s())) state.blend(frame);
  state.outline(frame, track);
  return track;
}

void Tracker::set_text(const Text& text) {
  State& state = *state_;
  state.work.timing = {};
  const Stopwatch watch(state.work.timing.total_s);
  if (!state.started)
    throw Error(Code::not_started, "set_text() before start(); call start(frame, text=...) first");
  state.check(text);
  state.abandon();
  state.target.set_text(text, state.work);
  state.forget_find();
}

void Tracker::set_on_ambiguous(OnAmbiguous then) { state_->on_ambiguous = then; }

void Tracker::choose(const Box& candidate) { state_->point_at(candidate, true); }

void Tracker::correct(const Box& box) { state_->point_at(box, false); }

void Tracker::warm_up() { state_->warm_up(); }

}  // namespace edgetrack
