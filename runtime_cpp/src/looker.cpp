#include "looker.h"

#include <algorithm>

#include "decode.h"

namespace edgetrack {

namespace {

constexpr std::size_t kFinds = 4;        // number of finds in the maps of "ground"
constexpr double kNearBestPeak = 0.5;    // fraction of the best find's raw score that another one needs
constexpr double kNearBest = 0.5;        // the same for candidates
constexpr double kOtherPlace = 1.0 / 3;  // IoU below which two boxes are two places

// Searches with "ground", whose maps tell for each cell whether it is the target.
class GroundLooker final : public Looker {
 public:
  GroundLooker(Engine& engine, const Knowledge& known, Tensor* shared)
      : detector_(engine, "ground", known, shared) {
    sights_ = {{detector_.call.get(), detector_.image, false}};
  }

  const std::vector<Find>& finds(const Frame& extent) override {
    finds_.clear();
    boxes_.clear();
    finds_.push_back(find_of(decode(maps(), nullptr), extent));
    while (finds_.size() < kFinds) {
      boxes_.push_back(finds_.back().box);
      const auto next = decode_apart(maps(), nullptr, region(extent), boxes_.data(), boxes_.size());
      if (!next || next->peak < kNearBestPeak * finds_.front().raw) break;
      finds_.push_back(find_of(*next, extent));
    }
    return finds_;
  }

  std::optional<Find> apart(const Frame& extent, const std::vector<Box>& taken) override {
    const Prediction best = decode(maps(), nullptr);
    if (taken.empty()) return find_of(best, extent);
    const auto apart = decode_apart(maps(), nullptr, region(extent), taken.data(), taken.size());
    if (!apart || apart->peak < kNearBestPeak * best.peak) return std::nullopt;
    return find_of(*apart, extent);
  }

  double score_of(const Box& box, const Frame& extent) override {
    return static_cast<double>(quality_within(maps(), box, region(extent))) *
           static_cast<double>(*maps().presence);
  }

 private:
  Maps maps() const { return detector_.answer.maps(); }

  Region region(const Frame& extent) const { return letterbox(extent); }

  Find find_of(const Prediction& prediction, const Frame& extent) const {
    return {clip(from_region(region(extent), prediction.share), extent), prediction.peak,
            confidence(prediction)};
  }

  Detector detector_;
  std::vector<Find> finds_;
  std::vector<Box> boxes_;
};

}  // namespace

bool Looker::take(const Frame& frame, const Colors& colors, Work& work) {
  is_on_host = frame.place == Place::host;
  for (const Sight& sight : sights_)
    if (is_on_host)
      work.crop_into(sight.image, frame, sight.region(frame), colors);
    else
      work.look(*sight.call, sight.image, frame, sight.region(frame), colors);
  if (!is_on_host) conclude();
  return !is_on_host;
}

std::optional<Find> CandidateLooker::apart(const Frame& extent, const std::vector<Box>& taken) {
  for (const Find& find : finds(extent)) {
    if (find.score < kNearBest * finds_.front().score) break;
    if (std::all_of(taken.begin(), taken.end(),
                    [&](const Box& other) { return iou(find.box, other) < kOtherPlace; }))
      return find;
  }
  return std::nullopt;
}

double CandidateLooker::score_of(const Box& box, const Frame& extent) {
  for (const Find& find : finds(extent))
    if (iou(find.box, box) >= kSameBox) return find.score;
  return 0;
}

void CandidateLooker::sort(const Frame& extent, const std::vector<Box>& boxes,
                           const std::vector<double>& scores) {
  finds_.clear();
  for (std::size_t k = 0; k < boxes.size(); ++k)
    finds_.push_back({clip(boxes[k], extent), scores[k], scores[k]});
  std::stable_sort(finds_.begin(), finds_.end(),
                   [](const Find& a, const Find& b) { return a.score > b.score; });
}

std::unique_ptr<Looker> ground_looker(Engine& engine, const Knowledge& known, Tensor* shared) {
  return std::make_unique<GroundLooker>(engine, known, shared);
}

std::unique_ptr<Looker> text_looker(Engine& engine, const Model& model, const Target& target,
                                    Tensor* shared) {
  return model.ranks ? rank_looker(engine, model, target, shared)
                     : ground_looker(engine, target.words(), shared);
}

}  // namespace edgetrack
