#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "color.h"
#include "contract.h"
#include "looker.h"
#include "message.h"
#include "phrase.h"
#include "resolve.h"

namespace edgetrack {

namespace {

constexpr double kDuplicate = 0.6;       // IoU above which the candidate with the lower score is dropped
constexpr std::size_t kConsidered = 16;  // boxes considered per candidate that is kept
constexpr float kThin = 0.004f;          // fraction of the image's side; thinner boxes are dropped
constexpr double kWitness = 0.8;         // weight of the score of "ground"
// The best score of "rank" at which the combined scores are halved. Fitted to sentences about training
// images: few true sentences have a lower one, most sentences about a class that is not there do.
constexpr double kDenied = 0.01;

// "detect" searches the whole frame, stretched to a square, independently of the text. "rank" compares the
// best of its boxes with each part of the sentence; geometry resolves positions and relations. "ground"
// searches as well, because it finds some objects that a detector of 80 classes does not.
class RankLooker final : public CandidateLooker {
 public:
  RankLooker(Engine& engine, const Model& model, const Target& target, Tensor* shared)
      : model_(model), spoken_(target.spoken()), ground_(ground_looker(engine, target.words(), shared)) {
    const GraphSpec detect = engine.graph("detect"), rank = engine.graph("rank");
    const Tensor image = Tensor::zeros(named(detect.inputs, "image"));
    all_boxes_ = Tensor::zeros(named(detect.outputs, "boxes"));
    objectness_ = Tensor::zeros(named(detect.outputs, "objectness"));
    all_regions_ = Tensor::zeros(named(detect.outputs, "region"));
    all_classes_ = Tensor::zeros(named(detect.outputs, "classes"));
    const Tensor map = Tensor::zeros(named(detect.outputs, "map"));
    boxes_ = Tensor::zeros(named(rank.inputs, "boxes"));
    region_ = Tensor::zeros(named(rank.inputs, "region"));
    classes_ = Tensor::zeros(named(rank.inputs, "classes"));
    valid_ = Tensor::zeros(named(rank.inputs, "valid"));
    part_ = {Tensor::zeros(named(rank.inputs, "tokens")),
             Tensor::zeros(named(rank.inputs, "mask")),
             Tensor::zeros(named(rank.inputs, "noun")),
             Tensor::zeros(named(rank.inputs, "noun_mask")),
             {}};
    score_ = Tensor::zeros(named(rank.outputs, "score"));
    detect_ = engine.bind("detect", {image}, {all_boxes_, objectness_, all_regions_, all_classes_, map});
    rank_ = engine.bind(
        "rank",
        {map, boxes_, region_, classes_, valid_, part_.tokens, part_.mask, part_.noun, part_.noun_mask},
        {score_});
    sights_ = {{detect_.get(), image, true}, ground_->sights().front()};
    order_.resize(objectness_.spec.count());
    kept_.reserve(valid_.spec.count());
  }

  void conclude() override {
    keep_best();
    scores_.resize(std::max<std::size_t>(1, spoken_.parts.size()));  // without text, for warm-up
    for (std::size_t p = 0; p < scores_.size(); ++p) {
      if (p < spoken_.parts.size()) take(spoken_.parts[p]);
      rank_->run();
      scores_[p].assign(score_.floats(), score_.floats() + kept_.size());
    }
    is_new_ = true;
  }

  const std::vector<Find>& finds(const Frame& extent) override {
    if (!std::exchange(is_new_, false)) return finds_;
    in_frame_.clear();
    for (std::size_t k = 0; k < kept_.size(); ++k) in_frame_.push_back(box_of(k, extent));
    check_finite();
    heed_ground(extent);
    if (is_on_host) heed_colors(extent);
    if (spoken_.query && !spoken_.query->plain())
      scores_[0] = resolve(*spoken_.query, in_frame_, extent.width, extent.height, scores_);
    sort(extent, in_frame_, scores_[0]);
    return finds_;
  }

 private:
  // A find of "ground" supports the candidates that it overlaps, as independent evidence (a noisy or). If
  // there is no candidate, for example on a part of an object, the find becomes a candidate with the
  // probability that the best candidate leaves.
  //
  // "rank" knows the detector's classes; "ground" does not, and takes any car for a truck. If "rank" finds
  // nothing at all, the target is probably not there. All scores are reduced by the same factor, so their
  // order does not change.
  void heed_ground(const Frame& extent) {
    const std::size_t count = in_frame_.size();
    double best = 0;
    for (const double score : scores_[0]) best = std::max(best, score);
    for (const Find& find : ground_->finds(extent)) {
      bool known = false;
      for (std::size_t k = 0; k < count; ++k) {
        const double overlap = iou(in_frame_[k], find.box);
        if (overlap < kSameBox) continue;
        known = true;
        double& score = scores_[0][k];
        score = 1 - (1 - score) * (1 - kWitness * overlap * find.score);
      }
      if (known) continue;
      in_frame_.push_back(find.box);
      for (std::vector<double>& scores : scores_) scores.push_back(0.0);
      scores_[0].back() = (1 - best) * find.score;
    }
    for (double& score : scores_[0]) score *= best / (best + kDenied);
  }

  // A phrase with a color does not fit an object without a pixel of that color. If the target must not have
  // the color ("car that is not red"), the pixels alone decide, because "rank" often denies that a red car is
  // red.
  void heed_colors(const Frame& extent) {
    for (std::size_t p = 0; p < spoken_.parts.size(); ++p)
      for (std::size_t k = 0; k < in_frame_.size(); ++k)
        for (const double share : shares(p, k, extent)) scores_[p][k] *= color_evidence(share);
    if (!spoken_.query) return;
    for (const auto& [target, negated] : spoken_.query->negations) {
      const auto from = static_cast<std::size_t>(target), what = static_cast<std::size_t>(negated);
      const std::vector<Part>& parts = spoken_.query->parts;
      if (spoken_.parts[what].colors.empty() || !differ_by_color(parts[from].phrase, parts[what].phrase))
        continue;
      for (std::size_t k = 0; k < in_frame_.size(); ++k) {
        double all = 1;  // how surely it has all of the colors
        for (const double share : shares(what, k, extent)) all *= is_colored(share);
        scores_[from][k] *= 1 - all;
      }
    }
  }

  // Returns how much of a candidate has each color of a part.
  std::vector<double> shares(std::size_t part, std::size_t k, const Frame& extent) const {
    const Box& box = in_frame_[k];
    const double w = extent.width, h = extent.height;
    std::vector<double> found;
    for (const Color color : spoken_.parts[part].colors)
      found.push_back(color_share(color, sights_.front().image, model_.mean, model_.std, box.x / w, box.y / h,
                                  (box.x + box.w) / w, (box.y + box.h) / h));
    return found;
  }

  static void copy(const Tensor& from, const Tensor& to) {
    std::copy_n(from.floats(), from.spec.count(), to.floats());
  }

  void take(const Spoken::Part& part) {
    copy(part.tokens, part_.tokens), copy(part.mask, part_.mask);
    copy(part.noun, part_.noun), copy(part.noun_mask, part_.noun_mask);
  }

  void check_finite() const {
    for (const std::vector<double>& scores : scores_)
      for (std::size_t k = 0; k < kept_.size(); ++k) {
        const Box& box = in_frame_[k];
        if (!std::isfinite(scores[k] + box.x + box.y + box.w + box.h))
          throw Error(Code::bundle, message("the network gave a box of ", box.w, " x ", box.h, " with score ",
                                            scores[k], "; expected finite numbers: export the bundle again"));
      }
  }

  // Fractions of the image: x1, y1, x2, y2.
  const float* corners(std::size_t cell) const { return all_boxes_.floats() + 4 * cell; }

  static double overlap(const float* a, const float* b) {
    const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
    const float h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0;
    const float both = w * h;
    return static_cast<double>(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both));
  }

  // Non-maximum suppression; the remaining boxes are the inputs of "rank".
  void keep_best() {
    const float* sure = objectness_.floats();
    const std::size_t most = valid_.spec.count();
    if (!std::all_of(sure, sure + order_.size(), [](float value) { return std::isfinite(value); }))
      throw Error(
          Code::bundle,
          "graph 'detect' gave an objectness that is not finite; expected numbers: export the bundle again");
    const std::size_t some = std::min(order_.size(), kConsidered * most);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::partial_sort(
        order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(some), order_.end(),
        [&](std::size_t a, std::size_t b) { return sure[a] != sure[b] ? sure[a] > sure[b] : a < b; });
    kept_.clear();
    for (std::size_t i = 0; i < some && kept_.size() < most; ++i) {
      const float* box = corners(order_[i]);
      if (!(box[2] - box[0] > kThin && box[3] - box[1] > kThin)) continue;
      if (std::none_of(kept_.begin(), kept_.end(),
                       [&](std::size_t other) { return overlap(box, corners(other)) > kDuplicate; }))
        kept_.push_back(order_[i]);
    }
    std::fill_n(valid_.floats(), most, 0.0f);
    std::fill_n(valid_.floats(), kept_.size(), 1.0f);
    take_kept(all_boxes_, boxes_);
    take_kept(all_regions_, region_);
    take_kept(all_classes_, classes_);
  }

  // Copies the rows of the kept cells of (1, N, C) to the beginning of (1, K, C), and fills the rest with
  // zeros.
  void take_kept(const Tensor& all, const Tensor& kept) const {
    const std::size_t width = static_cast<std::size_t>(kept.spec.shape[2]);
    std::fill_n(kept.floats(), kept.spec.count(), 0.0f);
    for (std::size_t k = 0; k < kept_.size(); ++k)
      std::copy_n(all.floats() + width * kept_[k], width, kept.floats() + width * k);
  }

  Box box_of(std::size_t k, const Frame& extent) const {
    const float* at = boxes_.floats() + 4 * k;
    const double w = extent.width, h = extent.height;
    const double x1 = static_cast<double>(at[0]), y1 = static_cast<double>(at[1]);
    return {x1 * w, y1 * h, (static_cast<double>(at[2]) - x1) * w, (static_cast<double>(at[3]) - y1) * h};
  }

  const Model model_;
  const Spoken& spoken_;
  const std::unique_ptr<Looker> ground_;
  Tensor all_boxes_, objectness_, all_regions_, all_classes_;  // of "detect"
  Tensor boxes_, region_, classes_, valid_, score_;            // of "rank"
  Spoken::Part part_;
  std::unique_ptr<Call> detect_, rank_;
  std::vector<std::size_t> order_, kept_;    // cells of "detect"
  std::vector<std::vector<double>> scores_;  // per part and candidate; then those of the sentence
  std::vector<Box> in_frame_;                // boxes of the candidates
  bool is_new_ = false;                      // a look has ended since the finds were computed
};

}  // namespace

std::unique_ptr<Looker> rank_looker(Engine& engine, const Model& model, const Target& target,
                                    Tensor* shared) {
  return std::make_unique<RankLooker>(engine, model, target, shared);
}

}  // namespace edgetrack
