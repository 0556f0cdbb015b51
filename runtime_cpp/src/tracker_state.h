// What a tracker knows of its target from frame to frame, and the steps that change it.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "detector.h"
#include "edgetrack/tracker.h"
#include "geometry.h"
#include "pace.h"
#include "target.h"
#include "whole_frame.h"

namespace edgetrack {

struct Tracker::State {
  std::shared_ptr<Engine> engine;
  const Model model;
  const Policy policy;
  const Colours colours;
  Target target;
  Pace pace;
  Work work;
  const bool alone;  // nobody else looks at `whole`
  const std::shared_ptr<WholeFrame> whole;
  std::unique_ptr<Detector> search, search_by_picture, ground, ground_by_words;  // made when first needed
  std::vector<float> window, share;

  bool started = false;
  std::optional<Box> box;  // last box while following, else the last candidate
  Status status = Status::searching;
  bool locked = false;  // following, as opposed to looking everywhere
  int streak = 0;       // uncertain frames in a row while following
  double evidence = 0;  // while looking: sum of the scores of the finds in a row at one place
  double against = 0;   // while following: how much better the sentence fits something else, a logarithm
  double belief = 1;    // that what is followed is what the sentence means, 0..1
  bool own_template = false;  // the template is the user's box, not a find of ours
  std::int64_t index = -1;
  Region around{};  // where "search" looks in this frame
  int owed = 0;     // frames since a check by the sentence was due and has not been made
  Track latest{};
  int width = 0, height = 0;  // of the last frame

  State(std::shared_ptr<Engine> shared, const Model& pictures, const Policy& numbers,
        std::shared_ptr<WholeFrame> picture)
      : engine(std::move(shared)),
        model(pictures),
        policy(numbers),
        colours(colours_of(pictures.mean, pictures.std, pictures.fill)),
        target(engine, pictures),
        pace(numbers),
        alone(!picture),
        whole(picture ? std::move(picture) : std::make_shared<WholeFrame>()) {}

  void clear();
  void take_size(const Frame& frame);
  Maps run(Detector& detector, const Frame& frame, const Region& region, bool cropped = false);
  Track look(const Frame& frame);
  Maps everywhere(const Frame& frame, Box& found, double& score);
  std::optional<Box> checked(const Frame& frame);
  void follow_from(const Box& at);
  Region search_region() const;

  // A frame in two halves. The track, unless "search" is to look `around` first.
  std::optional<Track> begin(const Frame& frame, const Deadline& deadline);
  std::optional<Track> before_search(const Frame& frame, const Deadline& deadline);
  Track finish(const Frame& frame, const Answer& answer);  // what it has found there
  Track search_alone(const Frame& frame);                  // its run between the two
  const Knowledge& sought() const;                         // what it looks for

  Track skip(const Frame& frame, Basis basis);
  bool has_time_to_check(const Detector& searching, double left_s) const;
  Track judged(double score);
  Detector& searcher();
  void refresh(const Answer& answer);
};

}  // namespace edgetrack
