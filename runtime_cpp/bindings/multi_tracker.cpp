#include "edgetrack/multi_tracker.h"

#include <pybind11/stl.h>

#include <map>

#include "engine.h"
#include "tracker.h"
#include "turns.h"
#include "values.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

using Seconds = std::tuple<double, double, double>;  // crop, network, total

// Returns the Python exception that a target failed with. Others, such as KeyboardInterrupt, are rethrown.
py::object exception_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_Exception)) throw;
    return error.value();
  } catch (const Error& error) {
    return python_error(error);
  } catch (const std::exception& error) {
    return py::handle(PyExc_RuntimeError)(error.what());
  }
}

// Serializes its calls, like the tracker of one target.
class PyMultiTracker {
  mutable Turns turns_;
  std::optional<MultiTracker> tracker_;
  std::map<int, std::unique_ptr<PhraseDetector>> detectors_;
  int last_detector_ = 0;

  template <typename Step>
  auto alone(const Step& step) const {
    const py::gil_scoped_release release;  // before the lock: who holds it may wait for the interpreter
    return turns_.take(step);
  }

 public:
  PyMultiTracker(py::object graph, py::object bind, bool concurrent, double template_factor,
                 double search_factor, const Three& mean, const Three& std, const Three& fill, bool ranks,
                 double mask_factor, bool pairs, const py::dict& policy,
                 const std::vector<std::size_t>& batches, bool exclusive) {
    tracker_.emplace(python_engine(std::move(graph), std::move(bind), concurrent),
                     model_of(template_factor, search_factor, mean, std, fill, ranks, mask_factor, pairs),
                     policy_of(policy), batches, exclusive);
  }
  PyMultiTracker(const PyMultiTracker&) = delete;
  PyMultiTracker& operator=(const PyMultiTracker&) = delete;
  ~PyMultiTracker() {
    const py::gil_scoped_release release;  // a running call may wait for the GIL
    detectors_.clear();
    tracker_.reset();
  }

  void warm_up() {
    alone([&] { tracker_->warm_up(); });
  }

  void rest() {
    alone([&] { tracker_->rest(); });
  }

  void add(const std::string& name, const Text* text, const std::optional<Four>& box) {
    const Box given = box ? box_of(*box) : Box{};
    alone([&] { tracker_->add(name, text, box ? &given : nullptr); });
  }

  void remove(const std::string& name) {
    alone([&] { tracker_->remove(name); });
  }

  void set_text(const std::string& name, const Text& text) {
    alone([&] { tracker_->set_text(name, text); });
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

  void wait_if_ambiguous(bool on) {
    alone([&] { tracker_->set_on_ambiguous(on ? OnAmbiguous::wait : OnAmbiguous::best); });
  }

  void choose(const std::string& name, const Four& box) {
    alone([&] { tracker_->choose(name, box_of(box)); });
  }

  void correct(const std::string& name, const Four& box) {
    alone([&] { tracker_->correct(name, box_of(box)); });
  }

  void note_gap() {
    alone([&] { tracker_->note_gap(); });
  }

  std::vector<std::string> names() const {
    return alone([&] { return tracker_->names(); });
  }

  // Returns the number of a new detector for a phrase, valid until remove_detector(number).
  int add_detector(const Text& text, double least, double sure, std::size_t most) {
    return alone([&] {
      std::unique_ptr<PhraseDetector> detector = tracker_->detector(text, least, sure, most);
      detectors_[++last_detector_] = std::move(detector);
      return last_detector_;
    });
  }

  void describe_detector(int number, const Text& text) {
    alone([&] { detectors_.at(number)->set_text(text); });
  }

  void remove_detector(int number) {
    alone([&] { detectors_.erase(number); });
  }

  void look(int number, const Picture& pixels) {
    const Frame frame = frame_of(pixels);
    alone([&] { detectors_.at(number)->look(frame); });
  }

  bool wait_for_look(int number, double seconds) {
    return alone([&] { return detectors_.at(number)->wait(seconds); });
  }

  // Returns a list of (box, score, appearance).
  std::vector<std::tuple<Four, double, std::vector<float>>> detections(int number) {
    return alone([&] {
      std::vector<std::tuple<Four, double, std::vector<float>>> all;
      for (const Detection& one : detectors_.at(number)->detections())
        all.emplace_back(Four(one.box.x, one.box.y, one.box.w, one.box.h), one.score, one.appearance);
      return all;
    });
  }

  // Returns a list of (name, track or None, exception or None, seconds, mask or None), and why no batch ran,
  // or None.
  py::tuple update(const Picture& pixels, std::optional<double> deadline_ms, std::optional<double> time_s) {
    const Frame frame = frame_of(pixels);
    const auto [results, batch] = alone([&] {
      std::vector<MultiTracker::Result> copies = tracker_->update(frame, deadline_ms, time_s);
      return std::pair(std::move(copies), tracker_->batch_failure());
    });
    py::list all;
    for (const MultiTracker::Result& result : results) {
      py::object track = py::none(), failure = py::none();
      if (result.track) track = py::cast(result_of(*result.track, result.candidates));
      if (result.failure) failure = exception_of(result.failure);
      const Timing& t = result.timing;
      all.append(py::make_tuple(result.name, track, failure, Seconds{t.crop_s, t.network_s, t.total_s},
                                mask_of(result.mask)));
    }
    return py::make_tuple(all, batch ? exception_of(batch) : py::none());
  }
};

}  // namespace

void register_multi_tracker(py::module_& module) {
  py::class_<PyMultiTracker>(module, "MultiTracker")
      .def(py::init<py::object, py::object, bool, double, double, Three, Three, Three, bool, double, bool,
                    py::dict, std::vector<std::size_t>, bool>(),
           py::kw_only(), py::arg("graph"), py::arg("bind"), py::arg("concurrent"),
           py::arg("template_factor"), py::arg("search_factor"), py::arg("mean"), py::arg("std"),
           py::arg("fill"), py::arg("ranks"), py::arg("mask_factor"), py::arg("pairs"), py::arg("policy"),
           py::arg("batches"), py::arg("exclusive"))
      .def("warm_up", &PyMultiTracker::warm_up)
      .def("rest", &PyMultiTracker::rest)
      .def("add", &PyMultiTracker::add, py::arg("name"), py::arg("text").none(true), py::arg("box"))
      .def("remove", &PyMultiTracker::remove, py::arg("name"))
      .def("set_text", &PyMultiTracker::set_text, py::arg("name"), py::arg("text"))
      .def("set_static_check", &PyMultiTracker::set_static_check, py::arg("on"))
      .def("set_masks", &PyMultiTracker::set_masks, py::arg("on"), py::arg("logits") = false)
      .def("set_grounder", &PyMultiTracker::set_grounder, py::arg("find"), py::arg("latency"),
           py::arg("interval"), py::arg("waits"))
      .def("wait_if_ambiguous", &PyMultiTracker::wait_if_ambiguous, py::arg("on"))
      .def("choose", &PyMultiTracker::choose, py::arg("name"), py::arg("box"))
      .def("correct", &PyMultiTracker::correct, py::arg("name"), py::arg("box"))
      .def("names", &PyMultiTracker::names)
      .def("add_detector", &PyMultiTracker::add_detector, py::arg("text"), py::arg("least"), py::arg("sure"),
           py::arg("most"))
      .def("describe_detector", &PyMultiTracker::describe_detector, py::arg("number"), py::arg("text"))
      .def("remove_detector", &PyMultiTracker::remove_detector, py::arg("number"))
      .def("look", &PyMultiTracker::look, py::arg("number"), py::arg("pixels").noconvert())
      .def("wait_for_look", &PyMultiTracker::wait_for_look, py::arg("number"), py::arg("seconds"))
      .def("detections", &PyMultiTracker::detections, py::arg("number"))
      .def("update", &PyMultiTracker::update, py::arg("pixels").noconvert(),
           py::arg("deadline_ms") = py::none(), py::arg("time_s") = py::none())
      .def("note_gap", &PyMultiTracker::note_gap);
}

}  // namespace edgetrack
