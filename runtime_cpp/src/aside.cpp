#include "aside.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "work.h"

#ifndef _WIN32
#include <unistd.h>
#endif

namespace edgetrack {

namespace {

constexpr double kLongestWait = 1e9;  // seconds; the clock, which counts nanoseconds, cannot add 1e10

int process() {
#ifdef _WIN32
  return 0;  // has no fork()
#else
  return static_cast<int>(getpid());
#endif
}

void run(Errand& errand) {
  errand.seconds = 0;
  const Stopwatch watch(errand.seconds);
  errand.step();
}

}  // namespace

struct Aside::Worker {
  const int home = process();
  std::mutex mutex;
  std::condition_variable come, gone;
  std::vector<Errand*> queue;  // the first one is running
  bool stop = false;
  std::thread thread{[this] { work(); }};

  void work() {
    std::unique_lock<std::mutex> turn(mutex);
    for (;;) {
      come.wait(turn, [this] { return stop || !queue.empty(); });
      if (queue.empty()) return;
      Errand& errand = *queue.front();
      errand.begun = std::chrono::steady_clock::now();
      turn.unlock();
      try {
        run(errand);
      } catch (...) {
        errand.failure = std::current_exception();
      }
      turn.lock();
      errand.done = true;
      queue.erase(queue.begin());
      gone.notify_all();
    }
  }
};

Aside::Aside(bool thread) : thread_(thread) {}

Aside::~Aside() {
  if (!worker_) return;
  if (worker_->home != process()) {
    static_cast<void>(worker_.release());  // its thread is not in this process and cannot be joined
    return;
  }
  {
    const std::lock_guard<std::mutex> turn(worker_->mutex);
    worker_->stop = true;
  }
  worker_->come.notify_one();
  worker_->thread.join();
}

// A forked child process does not have the thread, so a new one is started there. It repeats the errand that
// was running, if any; there is none if rest() was called before the fork.
Aside::Worker& Aside::worker() {
  if (worker_ && worker_->home == process()) return *worker_;
  std::vector<Errand*> left;
  if (worker_) left = worker_->queue;
  static_cast<void>(worker_.release());
  worker_ = std::make_unique<Worker>();
  for (Errand* errand : left) post(*errand);
  return *worker_;
}

void Aside::post(Errand& errand) {
  errand.failure = nullptr;
  if (!thread_) return run(errand);
  Worker& other = worker();
  {
    const std::lock_guard<std::mutex> turn(other.mutex);
    errand.done = false;
    errand.begun = {};
    other.queue.push_back(&errand);
  }
  other.come.notify_one();
}

void Aside::wait(Errand& errand, double seconds) {
  if (!thread_ || !worker_) return;
  Worker& other = worker();
  std::unique_lock<std::mutex> turn(other.mutex);
  const std::chrono::duration<double> patience(std::min(seconds, kLongestWait));
  other.gone.wait_for(turn, patience, [&] { return errand.done; });
}

double Aside::running_s(Errand& errand) {
  if (!thread_ || !worker_) return 0;
  const std::lock_guard<std::mutex> turn(worker().mutex);
  if (errand.begun == std::chrono::steady_clock::time_point{}) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - errand.begun).count();
}

bool Aside::is_done(Errand& errand) {
  if (!thread_ || !worker_) return true;
  const std::lock_guard<std::mutex> turn(worker().mutex);
  return errand.done;
}

void Aside::settle(Errand& errand) {
  if (!thread_ || !worker_) return;
  Worker& other = worker();
  std::unique_lock<std::mutex> turn(other.mutex);
  other.gone.wait(turn, [&] { return errand.done; });
}

void Aside::rest() {
  if (!worker_ || worker_->home != process()) return;
  std::unique_lock<std::mutex> turn(worker_->mutex);
  worker_->gone.wait(turn, [this] { return worker_->queue.empty(); });
}

}  // namespace edgetrack
