// A background thread that runs one network in parallel with the others, so that no frame has to wait for it.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>

namespace edgetrack {

// One run of a step. Errands run in the order in which they were posted. An errand must be settled before it
// is destroyed.
struct Errand {
  std::function<void()> step;
  bool done = true;
  std::chrono::steady_clock::time_point begun{};  // the epoch while it is still queued
  double seconds = 0;                             // duration of the run
  std::exception_ptr failure;
};

// Without a thread of its own it runs each errand immediately in post(), with the same results; that is for
// engines that serve one caller at a time. The thread starts with the first errand. Not thread-safe.
class Aside {
 public:
  explicit Aside(bool thread);
  ~Aside();  // waits for the running errand
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  // Queues the errand. If it runs immediately, throws what its step throws.
  void post(Errand& errand);
  void wait(Errand& errand, double seconds);  // at most that long
  double running_s(Errand& errand);           // how long it has been running; 0 while it is queued
  bool is_done(Errand& errand);
  void settle(Errand& errand);  // waits until it is done; an exception stays in errand.failure
  void rest();                  // waits until no errand is running or queued

 private:
  struct Worker;
  Worker& worker();

  const bool thread_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace edgetrack
