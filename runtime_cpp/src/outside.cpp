#include "outside.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "edgetrack/multi_tracker.h"
#include "message.h"
#include "phrase.h"
#include "resolve.h"
#include "tracker_state.h"

namespace edgetrack {

namespace {

constexpr double kCopy = 0.6;              // minimum IoU with a better box of the same object
constexpr std::size_t kMostOutside = 32;   // limit of boxes per look; further ones are dropped
constexpr int kLongestOutside = 30 * 600;  // frames

class OutsideLooker final : public CandidateLooker {
 public:
  OutsideLooker(std::shared_ptr<const Outside> outside, const Target& target)
      : outside_(std::move(outside)), spoken_(target.spoken()) {}

  bool take(const Frame& frame, const Colors&, Work&) override {
    is_on_host = true;
    const std::size_t row = 3 * static_cast<std::size_t>(frame.width);
    pixels_.resize(row * static_cast<std::size_t>(frame.height));
    for (int y = 0; y < frame.height; ++y)
      std::copy_n(frame.bgr + y * frame.row_bytes, row, pixels_.data() + row * static_cast<std::size_t>(y));
    frame_ = {pixels_.data(), frame.width, frame.height, static_cast<std::ptrdiff_t>(row)};
    phrases_.clear();
    for (const Part& part : spoken_.query->parts) phrases_.push_back(part.phrase);
    return false;
  }

  void run() override {
    if (!frame_.bgr) return;  // warm-up: an external detector is already loaded
    found_ = outside_->how.find(frame_, phrases_);
    is_new_ = true;
  }

  const std::vector<Find>& finds(const Frame& extent) override {
    if (!std::exchange(is_new_, false)) return finds_;
    check_answer();
    keep_best(extent);
    if (!boxes_.empty() && !spoken_.query->plain())
      scores_[0] = resolve(*spoken_.query, boxes_, extent.width, extent.height, scores_);
    sort(extent, boxes_, scores_[0]);
    return finds_;
  }

 private:
  void check_answer() const {
    for (const Grounder::Found& one : found_) {
      const auto& [x, y, w, h] = one.box;
      if (one.scores.size() != phrases_.size())
        throw Error(Code::config, message("the grounder gave a box ", one.scores.size(),
                                          " scores; expected one for each of ", phrases_.size(), " phrases"));
      for (const double score : one.scores)
        if (!std::isfinite(x + y + w + h) || !(score >= 0 && score <= 1))
          throw Error(Code::config,
                      message("the grounder gave a box of ", w, " x ", h, " at (", x, ", ", y,
                              ") with score ", score, "; expected pixels, and scores from 0 to 1"));
    }
  }

  static double best(const Grounder::Found& one) {
    return *std::max_element(one.scores.begin(), one.scores.end());
  }

  // Non-maximum suppression by the best score of each box; boxes outside the frame are dropped.
  void keep_best(const Frame& extent) {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Grounder::Found& a, const Grounder::Found& b) { return best(a) > best(b); });
    boxes_.clear();
    scores_.assign(phrases_.size(), {});
    for (const Grounder::Found& one : found_) {
      if (boxes_.size() == kMostOutside) return;
      const double x1 = std::max(one.box.x, 0.0), y1 = std::max(one.box.y, 0.0);
      const double x2 = std::min<double>(one.box.x + one.box.w, extent.width);
      const double y2 = std::min<double>(one.box.y + one.box.h, extent.height);
      if (x2 - x1 < 1 || y2 - y1 < 1) continue;
      const Box box = {x1, y1, x2 - x1, y2 - y1};
      if (std::any_of(boxes_.begin(), boxes_.end(),
                      [&](const Box& better) { return iou(box, better) > kCopy; }))
        continue;
      boxes_.push_back(box);
      for (std::size_t p = 0; p < scores_.size(); ++p) scores_[p].push_back(one.scores[p]);
    }
  }

  const std::shared_ptr<const Outside> outside_;
  const Spoken& spoken_;
  std::vector<std::uint8_t> pixels_;
  Frame frame_{};  // a view of the copied pixels
  std::vector<std::string> phrases_;
  std::vector<Grounder::Found> found_;
  std::vector<Box> boxes_;
  std::vector<std::vector<double>> scores_;  // per phrase and box; then those of the sentence
  bool is_new_ = false;                      // a look has ended since the finds were computed
};

void check_frames(const char* name, int frames) {
  if (frames < 1 || frames > kLongestOutside)
    throw Error(Code::config, message("the grounder's ", name, " is ", frames, " frames; expected 1 to ",
                                      kLongestOutside, " (ten minutes)"));
}

}  // namespace

Outside::Outside(const Grounder& grounder) : how(grounder) {
  check_frames("latency", how.latency);
  check_frames("interval", how.interval);
}

void check_on_host(const Frame& frame, const Outside* outside) {
  if (outside && frame.place == Place::gpu)
    throw Error(Code::config,
                "a grounder reads frames on the CPU, but this frame is in GPU memory; create the tracker "
                "without a grounder, or pass frames in host memory");
}

std::unique_ptr<Looker> outside_looker(std::shared_ptr<const Outside> outside, const Target& target) {
  return std::make_unique<OutsideLooker>(std::move(outside), target);
}

void Tracker::State::check(const Text& text) {
  target.check(text);
  if (outside && !text.query)
    throw Error(Code::prompt, "the text was not parsed; expected the result of Tokenizer::encode()");
}

void Tracker::set_grounder(const Grounder& grounder) {
  auto outside = std::make_shared<Outside>(grounder);
  State& state = *state_;
  if (state.started) throw Error(Code::config, "a target already exists; set the grounder before start()");
  state.outside = std::move(outside);
}

void MultiTracker::set_grounder(const Grounder& grounder) {
  auto outside = std::make_shared<Outside>(grounder);
  if (!targets_.empty())
    throw Error(Code::config, "targets already exist; set the grounder before the first add()");
  outside_ = std::move(outside);
}

void Tracker::rest() {
  state_->aside->rest();
  if (state_->outside) state_->outside->aside.rest();
}

void MultiTracker::rest() {
  aside_->rest();
  if (outside_) outside_->aside.rest();
}

}  // namespace edgetrack
