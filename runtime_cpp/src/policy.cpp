#include <cmath>

#include "edgetrack/tracker.h"
#include "message.h"

namespace edgetrack {
namespace {

struct Field {
  const char* name;
  double Policy::* number;  // either this
  int Policy::* frames;     // or this
};

constexpr Field kFields[] = {{"detect_threshold", &Policy::detect_threshold, nullptr},
                             {"candidate_threshold", &Policy::candidate_threshold, nullptr},
                             {"confirm_score_sum", &Policy::confirm_score_sum, nullptr},
                             {"track_threshold", &Policy::track_threshold, nullptr},
                             {"update_threshold", &Policy::update_threshold, nullptr},
                             {"max_uncertain_frames", nullptr, &Policy::max_uncertain_frames},
                             {"reverify_interval", nullptr, &Policy::reverify_interval},
                             {"switch_evidence", &Policy::switch_evidence, nullptr},
                             {"refit_iou", &Policy::refit_iou, nullptr},
                             {"template_update_interval", nullptr, &Policy::template_update_interval},
                             {"template_update_threshold", &Policy::template_update_threshold, nullptr},
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
                             {"reverify_latency", nullptr, &Policy::reverify_latency}};

}  // namespace

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const Field& field : kFields) names.emplace_back(field.name);
  return names;
}

void set_policy(Policy& policy, const std::string& name, double value) {
  for (const Field& field : kFields) {
    if (name != field.name) continue;
    if (field.number)
      policy.*field.number = value;
    else if (value >= 0 && value <= 1 << 30 && value == std::floor(value))
      policy.*field.frames = static_cast<int>(value);
    else
      throw Error(Code::bundle, message("the threshold '", name, "' is ", value,
                                        "; expected a whole number of frames: export the bundle again"));
    return;
  }
  throw Error(Code::bundle, message("the manifest has the unknown threshold '", name,
                                    "'; use a newer version of edgetrack"));
}

}  // namespace edgetrack
