// A thread that runs one network beside the others, so that no frame waits for all of it.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>

namespace edgetrack {

// One run, done in the order in which it was handed over. It must be settled before it is let go of.
struct Errand {
  std::function<void()> step;
  bool done = true;
  std::chrono::steady_clock::time_point begun{};  // the epoch while others go first
  double seconds = 0;                             // that it took
  std::exception_ptr failure;
};

// Without a thread of its own it runs each errand as it comes: the same answers, for engines that serve one
// caller at a time. The thread starts with the first errand. Not for two threads at once.
class Aside {
 public:
  explicit Aside(bool thread);
  ~Aside();  // waits for what is under way
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  // Throws what the step throws when it is run at once.
  void post(Errand& errand);
  void wait(Errand& errand, double seconds);  // for that long at most
  double running_s(Errand& errand);           // for how long it has been under way; 0 while others go first
  bool is_done(Errand& errand);
  void settle(Errand& errand);  // until it is done; its failure is left in it
  void rest();                  // until nothing is under way

 private:
  struct Worker;
  Worker& worker();

  const bool thread_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace edgetrack
