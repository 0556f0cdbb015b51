#include "policy.h"

#include <algorithm>
#include <cmath>

#include "geometry.h"
#include "message.h"

namespace edgetrack {

const std::vector<PolicyField>& policy_fields() {
  static const std::vector<PolicyField> fields = {
      {"detect_threshold", &Policy::detect_threshold, nullptr},
      {"text_detect_threshold", &Policy::text_detect_threshold, nullptr},
      {"candidate_threshold", &Policy::candidate_threshold, nullptr},
      {"confirm_score_sum", &Policy::confirm_score_sum, nullptr},
      {"neutral_score", &Policy::neutral_score, nullptr},
      {"track_threshold", &Policy::track_threshold, nullptr},
      {"update_threshold", &Policy::update_threshold, nullptr},
      {"max_uncertain_frames", nullptr, &Policy::max_uncertain_frames},
      {"doubtful_frames", nullptr, &Policy::doubtful_frames},
      {"reverify_interval", nullptr, &Policy::reverify_interval},
      {"max_agreed_checks", nullptr, &Policy::max_agreed_checks},
      {"switch_evidence", &Policy::switch_evidence, nullptr},
      {"refit_iou", &Policy::refit_iou, nullptr},
      {"template_update_interval", nullptr, &Policy::template_update_interval},
      {"template_update_threshold", &Policy::template_update_threshold, nullptr},
      {"template_blend", &Policy::template_blend, nullptr},
      {"template_blend_interval", nullptr, &Policy::template_blend_interval},
      {"template_blend_delay", nullptr, &Policy::template_blend_delay},
      {"window_influence", &Policy::window_influence, nullptr},
      {"penalty_k", &Policy::penalty_k, nullptr},
      {"size_momentum", &Policy::size_momentum, nullptr},
      {"uncertainty_expansion", &Policy::uncertainty_expansion, nullptr},
      {"velocity_expansion", &Policy::velocity_expansion, nullptr},
      {"max_coasted_frames", nullptr, &Policy::max_coasted_frames},
      {"max_reused_frames", nullptr, &Policy::max_reused_frames},
      {"static_min_runs", nullptr, &Policy::static_min_runs},
      {"static_iou", &Policy::static_iou, nullptr},
      {"static_max_diff", &Policy::static_max_diff, nullptr},
      {"search_latency", nullptr, &Policy::search_latency},
      {"reverify_latency", nullptr, &Policy::reverify_latency},
      {"ambiguous_share", &Policy::ambiguous_share, nullptr}};
  return fields;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const PolicyField& field : policy_fields()) names.emplace_back(field.name);
  return names;
}

void set_policy(Policy& policy, const std::string& name, double value) {
  std::string known;
  for (const PolicyField& field : policy_fields()) {
    known += message(known.empty() ? "" : ", ", field.name);
    if (name != field.name) continue;
    if (field.number && std::isfinite(value))
      policy.*field.number = value;
    else if (field.frames && value >= 0 && value <= 1 << 30 && value == std::floor(value))
      policy.*field.frames = static_cast<int>(value);
    else
      throw Error(Code::bundle, message("the manifest has the threshold ", name, " ", value, "; expected a ",
                                        field.frames ? "whole number of frames" : "finite number",
                                        ": export the bundle again"));
    return;
  }
  throw Error(Code::bundle, message("the manifest has the unknown threshold '", printable(name),
                                    "'; expected one of ", known, ": run pip install -U edgetrack"));
}

std::vector<std::size_t> rivals(const std::vector<Candidate>& candidates, const Policy& policy) {
  std::vector<std::size_t> found;
  for (std::size_t k = 1; k < candidates.size(); ++k) {
    const double least = std::max(policy.candidate_threshold, policy.ambiguous_share * candidates[0].score);
    if (candidates[k].score >= least && iou(candidates[k].box, candidates[0].box) < kSamePlace)
      found.push_back(k);
  }
  return found;
}

}  // namespace edgetrack
