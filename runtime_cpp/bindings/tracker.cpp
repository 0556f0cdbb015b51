#include "tracker.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <map>

#include "engine.h"
#include "geometry.h"
#include "message.h"
#include "policy.h"
#include "turns.h"
#include "values.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

void spread(const Three& from, float (&to)[3]) { std::tie(to[0], to[1], to[2]) = from; }

}  // namespace

Model model_of(double template_factor, double search_factor, const Three& mean, const Three& std,
               const Three& fill, bool ranks, double mask_factor, bool pairs) {
  Model model{template_factor, search_factor, {}, {}, {}, ranks, mask_factor, pairs};
  spread(mean, model.mean);
  spread(std, model.std);
  spread(fill, model.fill);
  return model;
}

Policy policy_of(const py::dict& values) {
  Policy policy;
  const std::vector<std::string> names = policy_names();
  if (values.size() != names.size())
    throw std::invalid_argument(
        "policy lacks numbers: the compiled module has another version; run: pip install -e .");
  for (const std::string& name : names) set_policy(policy, name, values[py::str(name)].cast<double>());
  return policy;
}

// Returns a policy's fields by name, for Python's Policy.
py::dict numbers_of(const std::map<std::string, double>& thresholds) {
  Policy policy;
  for (const auto& [name, value] : thresholds) set_policy(policy, name, value);
  py::dict numbers;
  for (const PolicyField& field : policy_fields()) {
    if (field.frames)
      numbers[field.name] = policy.*field.frames;
    else
      numbers[field.name] = policy.*field.number;
  }
  return numbers;
}

Grounder grounder_of(py::object find, int latency, int interval, bool waits) {
  using Answer = std::vector<std::pair<Four, std::vector<double>>>;
  const auto held = std::make_shared<const Held>(std::move(find));
  const auto call = [held](const Frame& frame, const std::vector<std::string>& phrases) {
    std::vector<Grounder::Found> all;
    const py::gil_scoped_acquire lock;
    const py::array_t<std::uint8_t> pixels({frame.height, frame.width, 3}, frame.bgr);  // a copy, for Python
    for (auto& [box, scores] : held->get()(pixels, phrases).cast<Answer>())
      all.push_back({box_of(box), std::move(scores)});
    return all;
  };
  return {call, latency, interval, waits};
}

Box box_of(const Four& values) {
  Box box;
  std::tie(box.x, box.y, box.w, box.h) = values;
  return box;
}

Result result_of(const Track& track, const std::vector<Candidate>& candidates) {
  const auto four = [](const Box& box) { return Four(box.x, box.y, box.w, box.h); };
  std::optional<Four> box;
  if (track.box) box = four(*track.box);
  Finds finds;
  for (const Candidate& candidate : candidates)
    finds.emplace_back(four(candidate.box), candidate.score, candidate.margin);
  return {box,   track.score,   name(track.status), track.index, name(track.basis),
          finds, track.x_share, track.modalities};
}

namespace {

// Serializes its calls, so that two Python threads that share a tracker by mistake do no harm.
class PyTracker {
  mutable Turns turns_;
  std::optional<Tracker> tracker_;

  template <typename Step>
  auto alone(const Step& step) const {
    const py::gil_scoped_release release;  // before the lock: who holds it may wait for the interpreter
    return turns_.take(step);
  }

  template <typename Step>
  Result result(const Step& step) const {
    return alone([&] {
      const Track track = step();
      return result_of(track, tracker_->candidates());
    });
  }

 public:
  PyTracker(py::object graph, py::object bind, bool concurrent, double template_factor, double search_factor,
            const Three& mean, const Three& std, const Three& fill, bool ranks, double mask_factor,
            bool pairs, const py::dict& policy) {
    tracker_.emplace(python_engine(std::move(graph), std::move(bind), concurrent),
                     model_of(template_factor, search_factor, mean, std, fill, ranks, mask_factor, pairs),
                     policy_of(policy));
  }

  PyTracker(const PyTracker&) = delete;
  PyTracker& operator=(const PyTracker&) = delete;
  ~PyTracker() {
    const py::gil_scoped_release release;  // a running call may wait for the GIL
    tracker_.reset();
  }

  Result start(const Picture& pixels, const Text* text, const std::optional<Four>& box,
               std::optional<double> time_s, const std::optional<py::array_t<bool>>& mask) {
    const Frame frame = frame_of(pixels);
    const Box given = box ? box_of(*box) : Box{};
    if (mask && (mask->ndim() != 2 || mask->shape(0) != frame.height || mask->shape(1) != frame.width))
      throw Error(Code::frame, message("mask does not have the frame's size, ", frame.width, "x",
                                       frame.height, " pixels; expected an array (", frame.height, ", ",
                                       frame.width, "), nonzero on the target"));
    const auto* nonzero = mask ? reinterpret_cast<const std::uint8_t*>(mask->data()) : nullptr;
    return result([&] { return tracker_->start(frame, text, box ? &given : nullptr, time_s, nonzero); });
  }

  Result update(const Picture& pixels, std::optional<double> deadline_ms, std::optional<double> time_s) {
    const Frame frame = frame_of(pixels);
    return result([&] { return tracker_->update(frame, deadline_ms, time_s); });
  }

  void note_gap() {
    alone([&] { tracker_->note_gap(); });
  }

  void warm_up() {
    alone([&] { tracker_->warm_up(); });
  }

  void rest() {
    alone([&] { tracker_->rest(); });
  }

  void set_static_check(bool on) {
    alone([&] { tracker_->set_static_check(on); });
  }

  void set_masks(bool on, bool logits) {
    alone([&] { tracker_->set_masks(on, logits); });
  }

  void set_grounder(py::object find, int latency, int interval, bool waits) {
    const Grounder grounder = grounder_of(std::move(find), latency, interval, waits);
    alone([&] { tracker_->set_grounder(grounder); });
  }

  py::object mask() const {
    const Mask mask = alone([&] { return tracker_->mask(); });
    return mask_of(mask);
  }

  void wait_if_ambiguous(bool on) {
    alone([&] { tracker_->set_on_ambiguous(on ? OnAmbiguous::wait : OnAmbiguous::best); });
  }

  void choose(const Four& box) {
    alone([&] { tracker_->choose(box_of(box)); });
  }

  void correct(const Four& box) {
    alone([&] { tracker_->correct(box_of(box)); });
  }

  void reset() {
    alone([&] { tracker_->reset(); });
  }

  std::tuple<double, double, double> timing() const {
    const Timing timing = alone([&] { return tracker_->timing(); });
    return {timing.crop_s, timing.network_s, timing.total_s};
  }

  void set_text(const Text& text) {
    alone([&] { tracker_->set_text(text); });
  }
};

const char* class_name(Code code) {
  switch (code) {
    case Code::frame:
      return "FrameError";
    case Code::box:
      return "BoxError";
    case Code::prompt:
      return "PromptError";
    case Code::config:
      return "ConfigError";
    case Code::not_started:
      return "NotStartedError";
    case Code::bundle:
      return "BundleError";
    case Code::engine:
      return "EngineUnavailable";
    case Code::memory:
      return "OutOfMemoryError";
  }
  return "EdgetrackError";
}

}  // namespace

py::object python_error(const Error& error) {
  const std::string text = error.what();
  const auto length = static_cast<Py_ssize_t>(text.size());
  const auto shown = py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(text.data(), length, "replace"));
  return py::module_::import("edgetrack.errors").attr(class_name(error.code))(shown);
}

Frame frame_of(const Picture& picture) {
  if (const OnGpu* there = std::get_if<OnGpu>(&picture)) {
    const auto [address, width, height, row_bytes] = *there;
    return {reinterpret_cast<const std::uint8_t*>(address), width, height, row_bytes, Place::gpu};
  }
  if (const Pair* pair = std::get_if<Pair>(&picture)) {
    const auto& [color, second] = *pair;
    const Frame other = frame_of(second);
    Frame frame = color ? frame_of(*color) : other;
    if (frame.width != other.width || frame.height != other.height)
      throw std::invalid_argument("both images of a pair must have the same size");
    frame.x = other.bgr, frame.x_row_bytes = other.row_bytes, frame.color = color.has_value();
    return frame;
  }
  const Pixels& pixels = std::get<Pixels>(picture);
  if (pixels.ndim() != 3 || pixels.shape(2) != 3 || pixels.size() == 0)
    throw std::invalid_argument("pixels must be a non-empty (H, W, 3) array");
  if (pixels.strides(2) != 1 || (pixels.strides(1) != 3 && pixels.shape(1) > 1))
    throw std::invalid_argument("the pixels of a row must be packed");
  check_sides(pixels.shape(1), pixels.shape(0));
  return {pixels.data(), static_cast<int>(pixels.shape(1)), static_cast<int>(pixels.shape(0)),
          pixels.strides(0)};
}

void register_tracker(py::module_& module) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      const py::object raised = python_error(error);
      PyErr_SetObject(py::type::handle_of(raised).ptr(), raised.ptr());
    }
  });
  module.def("policy", &numbers_of, py::arg("thresholds"),
             "the defaults, overridden by a bundle's thresholds");
  py::class_<PyTracker>(module, "Tracker")
      .def(py::init<py::object, py::object, bool, double, double, Three, Three, Three, bool, double, bool,
                    py::dict>(),
           py::kw_only(), py::arg("graph"), py::arg("bind"), py::arg("concurrent"),
           py::arg("template_factor"), py::arg("search_factor"), py::arg("mean"), py::arg("std"),
           py::arg("fill"), py::arg("ranks"), py::arg("mask_factor"), py::arg("pairs"), py::arg("policy"))
      .def("start", &PyTracker::start, py::arg("pixels").noconvert(), py::arg("text").none(true),
           py::arg("box"), py::arg("time_s") = py::none(),
           py::arg("mask").noconvert().none(true) = py::none())
      .def("update", &PyTracker::update, py::arg("pixels").noconvert(), py::arg("deadline_ms") = py::none(),
           py::arg("time_s") = py::none())
      .def("note_gap", &PyTracker::note_gap)
      .def("warm_up", &PyTracker::warm_up)
      .def("rest", &PyTracker::rest)
      .def("set_static_check", &PyTracker::set_static_check, py::arg("on"))
      .def("set_masks", &PyTracker::set_masks, py::arg("on"), py::arg("logits") = false)
      .def("set_grounder", &PyTracker::set_grounder, py::arg("find"), py::arg("latency"), py::arg("interval"),
           py::arg("waits"))
      .def("mask", &PyTracker::mask)
      .def("wait_if_ambiguous", &PyTracker::wait_if_ambiguous, py::arg("on"))
      .def("choose", &PyTracker::choose, py::arg("box"))
      .def("correct", &PyTracker::correct, py::arg("box"))
      .def("reset", &PyTracker::reset)
      .def("timing", &PyTracker::timing)
      .def("set_text", &PyTracker::set_text, py::arg("text"));
}

}  // namespace edgetrack
