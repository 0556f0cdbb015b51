// Serializes calls of a tracker that several threads may use by mistake, and rejects reentrant calls.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "edgetrack/types.h"

namespace edgetrack {

class Turns {
 public:
  // Runs `step` exclusively and returns its result. Throws Error if the calling thread is already inside,
  // which would be a deadlock: an engine that calls its own tracker.
  template <typename Step>
  auto take(const Step& step) {
    const std::thread::id me = std::this_thread::get_id();
    if (inside_.load() == me)
      throw Error(Code::config,
                  "the tracker was called from inside its own call, by its engine or a function that the "
                  "engine calls; give the engine its own tracker, or call this one after it has returned");
    const std::lock_guard<std::mutex> turn(mutex_);
    const Mark mark(inside_, me);
    return step();
  }

 private:
  struct Mark {
    Mark(std::atomic<std::thread::id>& place, std::thread::id me) : inside(place) { inside.store(me); }
    ~Mark() { inside.store({}); }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    std::atomic<std::thread::id>& inside;
  };

  std::mutex mutex_;
  std::atomic<std::thread::id> inside_{};
};

}  // namespace edgetrack
