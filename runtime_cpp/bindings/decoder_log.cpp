// Collects FFmpeg's log messages while OpenCV decodes. OpenCV's read() only returns success or failure, and
// its images carry no error flags, so only these messages tell a failed conversion or a damaged image from a
// good one.
#include "common.h"

#ifdef __linux__
#include <dlfcn.h>
#include <link.h>
#endif

#include <atomic>
#include <cstdarg>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace edgetrack {
namespace {

constexpr int kError = 16, kWarning = 24;  // AV_LOG_ERROR, AV_LOG_WARNING
constexpr std::size_t kKept = 64;

// The part of libavutil's interface that has not changed since 2013.
using Callback = void (*)(void*, int, const char*, va_list);
struct Library {
  void (*set_callback)(Callback) = nullptr;
  Callback standard = nullptr;
  int (*format_line)(void*, int, const char*, va_list, char*, int, int*) = nullptr;
};

struct Message {
  std::uint64_t number;
  std::thread::id thread;
  bool error;
  std::string text;
};

// Never destroyed: decoder threads may still log while the process exits.
struct Log {
  Library decoder;
  std::atomic<int> listeners{0};
  std::mutex mutex;
  std::uint64_t count = 0;
  std::deque<Message> messages;
};

Log& log() {
  static Log* const one = new Log;
  return *one;
}

void note(void* context, int level, const char* format, va_list values) {
  Log& all = log();
  if (level >= 0 && (level & 0xff) <= kWarning) {
    char line[512] = "";
    int prefix = 1;
    va_list copy;
    va_copy(copy, values);
    all.decoder.format_line(context, level, format, copy, line, int(sizeof line), &prefix);
    va_end(copy);
    const std::lock_guard<std::mutex> hold(all.mutex);
    all.messages.push_back({++all.count, std::this_thread::get_id(), (level & 0xff) <= kError, line});
    if (all.messages.size() > kKept) all.messages.pop_front();
  }
  if (all.listeners == 0) all.decoder.standard(context, level, format, values);
}

#ifdef __linux__
int find_library(dl_phdr_info* info, std::size_t, void* found) {
  const char* const slash = std::strrchr(info->dlpi_name, '/');
  const char* const name = slash ? slash + 1 : info->dlpi_name;
  if (std::strncmp(name, "libavutil", 9) == 0 &&
      !std::strstr(info->dlpi_name, "/av.libs/"))  // not PyAV's own
    static_cast<std::vector<std::string>*>(found)->emplace_back(info->dlpi_name);
  return 0;
}

bool load(const std::string& path, Library& library) {
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (!handle) return false;
  library.set_callback = reinterpret_cast<void (*)(Callback)>(dlsym(handle, "av_log_set_callback"));
  library.standard = reinterpret_cast<Callback>(dlsym(handle, "av_log_default_callback"));
  library.format_line = reinterpret_cast<decltype(library.format_line)>(dlsym(handle, "av_log_format_line2"));
  return library.set_callback && library.standard && library.format_line;
}
#endif

// Listens to the libavutil whose path begins with `place`, or to the only one in the process besides PyAV's.
// While there are listeners, messages are only stored; otherwise they go to FFmpeg's default destination.
bool listen([[maybe_unused]] const std::string& place, int change) {
  Log& all = log();
  if (all.decoder.set_callback) {
    all.listeners += change;
    all.decoder.set_callback(note);  // OpenCV may have installed its own callback with its first video
    return true;
  }
#ifdef __linux__
  std::vector<std::string> paths;
  dl_iterate_phdr(find_library, &paths);
  std::vector<std::string> near;
  for (const std::string& path : paths) {  // the loader's path is .../cv2/../opencv_python.libs/libavutil.so
    std::error_code missing;
    const std::string real = std::filesystem::weakly_canonical(path, missing).string();
    if (!missing && real.compare(0, place.size(), place) == 0) near.push_back(path);
  }
  if (near.empty()) near = paths;
  Library library;
  if (near.size() == 1 && load(near.front(), library)) {
    all.decoder = library;
    all.listeners += change;
    all.decoder.set_callback(note);
    return true;
  }
#endif
  return false;
}

// Returns the number of the last message, and for each stored message after number `since`: whether it comes
// from the calling thread, whether it is an error rather than a warning, and its text.
py::tuple heard(std::uint64_t since) {
  Log& all = log();
  std::vector<Message> fresh;
  std::uint64_t last = 0;
  {
    const std::lock_guard<std::mutex> hold(all.mutex);
    last = all.count;
    for (const Message& message : all.messages)
      if (message.number > since) fresh.push_back(message);
  }
  py::list list;
  for (const Message& message : fresh)  // as bytes: FFmpeg quotes file names in their encoding on disk
    list.append(
        py::make_tuple(message.thread == std::this_thread::get_id(), message.error, py::bytes(message.text)));
  return py::make_tuple(last, list);
}

}  // namespace

void register_decoder_log(py::module_& module) {
  module.def("listen_to_decoder", listen, py::arg("place"), py::arg("change"));
  module.def("decoder_messages", heard, py::arg("since"));
}

}  // namespace edgetrack
