#include "engine.h"

#include <pybind11/numpy.h>

#include <cstdint>
#include <utility>

#include "crop.h"
#include "device_call.h"
#include "edgetrack/types.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

TensorSpec spec_of(const py::handle& entry) {
  const auto fields = entry.cast<py::sequence>();
  TensorSpec spec{fields[0].cast<std::string>(), DType::other, {}};
  const auto dtype = fields[1].cast<std::string>();
  if (dtype == "float32") spec.dtype = DType::float32;
  if (dtype == "int64") spec.dtype = DType::int64;
  for (const py::handle length : fields[2])
    // ONNX names a dynamic dimension by a string.
    spec.shape.push_back(py::isinstance<py::int_>(length) ? length.cast<std::int64_t>() : -1);
  return spec;
}

std::vector<TensorSpec> specs_of(const py::handle& entries) {
  std::vector<TensorSpec> specs;
  for (const py::handle entry : entries) specs.push_back(spec_of(entry));
  return specs;
}

py::dict arrays_of(const std::vector<Tensor>& tensors) {
  py::dict arrays;
  for (const Tensor& tensor : tensors) {
    const py::capsule owner(new std::shared_ptr<void>(tensor.data),
                            [](void* data) { delete static_cast<std::shared_ptr<void>*>(data); });
    const py::dtype dtype =
        tensor.spec.dtype == DType::int64 ? py::dtype::of<std::int64_t>() : py::dtype::of<float>();
    const std::vector<py::ssize_t> shape(tensor.spec.shape.begin(), tensor.spec.shape.end());
    arrays[py::str(tensor.spec.name)] = py::array(dtype, shape, {}, tensor.data.get(), owner);
  }
  return arrays;
}

class PythonCall final : public DeviceCall {
 public:
  explicit PythonCall(py::object function) : function_(std::move(function)) {}
  void run() override {
    const py::gil_scoped_acquire lock;
    function_.get()();
  }

  void crop_and_run(const Frame& frame, const Region& region, const Colors& colors) override {
    const BgrFrame pixels = pixels_of(frame);
    const auto address = [](const void* of) { return reinterpret_cast<std::uintptr_t>(of); };
    const py::gil_scoped_acquire lock;
    function_.get()(address(&pixels), address(&region), address(&colors));
  }

 private:
  const Held function_;
};

class PassedOn final : public Call {
 public:
  explicit PassedOn(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  void run() override { call_->run(); }

 private:
  const std::shared_ptr<Call> call_;
};

class PythonEngine final : public Engine {
 public:
  PythonEngine(py::object graph, py::object bind, bool concurrent)
      : graph_(std::move(graph)), bind_(std::move(bind)), concurrent_(concurrent) {}

  bool concurrent() const override { return concurrent_; }

  GraphSpec graph(const std::string& role) override {
    const py::gil_scoped_acquire lock;
    return graph_of(graph_.get()(role));
  }

  std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& outputs) override {
    const py::gil_scoped_acquire lock;
    py::object function = bind_.get()(role, arrays_of(inputs), arrays_of(outputs));
    if (py::isinstance<NativeCall>(function))
      return std::make_unique<PassedOn>(function.cast<const NativeCall&>().call);
    return std::make_unique<PythonCall>(std::move(function));
  }

 private:
  const Held graph_, bind_;
  const bool concurrent_;
};

}  // namespace

void MendedCall::run() {
  try {
    return call_->run();
  } catch (const Error& error) {
    if (error.code != Code::engine) throw;
    const py::gil_scoped_acquire lock;
    call_ = again_.get()(error.what()).cast<const NativeCall&>().call;
  }
  call_->run();
}

GraphSpec graph_of(const py::handle& sides) {
  const auto both = sides.cast<py::sequence>();
  return {specs_of(both[0]), specs_of(both[1])};
}

std::shared_ptr<Engine> python_engine(py::object graph, py::object bind, bool concurrent) {
  return std::make_shared<PythonEngine>(std::move(graph), std::move(bind), concurrent);
}

}  // namespace edgetrack
