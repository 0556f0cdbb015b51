// Follow the object that a sentence names in a video: track BUNDLE "red car" drive.mp4 [fp32|int8]
// Without OpenCV, with raw frames from a pipe:  ffmpeg -i drive.mp4 -pix_fmt bgr24 -f rawvideo - |
//                                               track BUNDLE "red car" 640x480
#include <edgetrack/bundle.h>
#include <edgetrack/ort.h>
#include <edgetrack/tracker.h>

#include <charconv>
#include <cstdio>
#ifdef WITH_OPENCV
#include <opencv2/videoio.hpp>
#endif

int main(int count, char** words) try {
  if (count < 4 || count > 5)
    return std::fprintf(stderr, "usage: track BUNDLE TEXT VIDEO|WIDTHxHEIGHT [fp32|int8]\n"), 2;
  const edgetrack::Bundle bundle = edgetrack::Bundle::open(words[1], count == 5 ? words[4] : "fp32");
  const edgetrack::Text text = bundle.tokenizer().encode(words[2]);
  edgetrack::Tracker tracker(edgetrack::open_ort(bundle), bundle.model, bundle.policy);
  bool first = true;
  const auto follow = [&](const edgetrack::Frame& frame) {
    const edgetrack::Track track = first ? tracker.start(frame, &text, nullptr) : tracker.update(frame);
    first = false;
    const edgetrack::Box box = track.box.value_or(edgetrack::Box{});
    std::printf("%lld %s", static_cast<long long>(track.index), name(track.status));
    for (const double value : {track.score, box.x, box.y, box.w, box.h}) {
      char digits[40];  // for to_chars, because printf may write a decimal comma, depending on the locale
      const auto end =
          std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 17).ptr;
      std::printf(" %.*s", static_cast<int>(end - digits), digits);
    }
    std::printf("\n");
  };
  int width = 0, height = 0;
  if (std::sscanf(words[3], "%dx%d", &width, &height) == 2 && width > 0 && height > 0) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * 3 * static_cast<std::size_t>(height));
    while (std::fread(pixels.data(), 1, pixels.size(), stdin) == pixels.size())
      follow({pixels.data(), width, height, 3 * static_cast<std::ptrdiff_t>(width)});
    return first ? (std::fprintf(stderr, "error: no frame of %dx%d came\n", width, height), 1) : 0;
  }
#ifdef WITH_OPENCV
  cv::VideoCapture video(words[3]);
  for (cv::Mat image; video.read(image);)
    follow({image.data, image.cols, image.rows, static_cast<std::ptrdiff_t>(image.step)});
  if (!first) return 0;
#endif
  return std::fprintf(stderr, "error: %s cannot be read as a video by this build\n", words[3]), 1;
} catch (const edgetrack::Error& error) {
  return std::fprintf(stderr, "error: %s\n", error.what()), static_cast<int>(error.code);
}
