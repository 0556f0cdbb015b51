// An array borrowed from another library through DLPack (https://dmlc.github.io/dlpack), in the layouts
// before and since version 1. Python checks type and shape; this code takes, reads and returns the array.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "tracker.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

struct Array {
  void* data;
  std::int32_t device_kind, device_number, ndim;
  std::uint8_t code, bits;
  std::uint16_t lanes;
  std::int64_t *shape, *strides;  // strides in elements; null: C-contiguous
  std::uint64_t byte_offset;
};

struct Managed {
  Array array;
  void* context;
  void (*release)(Managed*);
};

struct VersionedManaged {
  std::uint32_t major, minor;
  void* context;
  void (*release)(VersionedManaged*);
  std::uint64_t flags;
  Array array;
};

// Takes an array from a capsule, which cannot be used again. close() or the last reference returns the array.
class Loan {
 public:
  // Throws std::invalid_argument if it is not a DLPack capsule; the capsule then keeps its array.
  explicit Loan(const py::object& capsule) {
    if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
      old_ = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
      PyCapsule_SetName(capsule.ptr(), "used_dltensor");
      return;
    }
    if (!PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned"))
      throw std::invalid_argument("it returned no DLPack capsule, or one that was already taken before");
    auto* given = static_cast<VersionedManaged*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (given->major != 1)  // the layout of the following fields is unknown
      throw std::invalid_argument("it uses DLPack version " + std::to_string(given->major) + "; expected 1");
    new_ = given;
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() { close(); }

  void close() {
    Managed* const old = std::exchange(old_, nullptr);
    VersionedManaged* const versioned = std::exchange(new_, nullptr);
    if (old && old->release) old->release(old);
    if (versioned && versioned->release) versioned->release(versioned);
  }

  const Array& array() const {
    if (!old_ && !new_) throw std::invalid_argument("the array was already returned");
    return old_ ? old_->array : new_->array;
  }

  std::uintptr_t address() const {
    return reinterpret_cast<std::uintptr_t>(array().data) + static_cast<std::uintptr_t>(array().byte_offset);
  }

  std::string dtype() const {
    constexpr const char* kinds[] = {"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
    const Array& a = array();
    const std::string kind = a.code < 7 ? kinds[a.code] : "type " + std::to_string(a.code) + " of bits ";
    return kind + std::to_string(a.bits) + (a.lanes == 1 ? "" : " x " + std::to_string(a.lanes));
  }

  std::pair<int, int> device() const { return {array().device_kind, array().device_number}; }
  py::tuple shape() const { return lengths(array().shape); }
  py::object strides() const { return array().strides ? py::object(lengths(array().strides)) : py::none(); }

 private:
  py::tuple lengths(const std::int64_t* values) const {
    py::tuple all(static_cast<std::size_t>(array().ndim));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = values[i];
    return all;
  }

  Managed* old_ = nullptr;
  VersionedManaged* new_ = nullptr;
};

}  // namespace

void register_loan(py::module_& module) {
  py::class_<Loan>(module, "Loan", "An array taken from a DLPack capsule.")
      .def(py::init<const py::object&>(), py::arg("capsule"))
      .def("close", &Loan::close, "Returns the array to its owner; its properties are no longer valid.")
      .def_property_readonly("address", &Loan::address)
      .def_property_readonly("dtype", &Loan::dtype)
      .def_property_readonly("device", &Loan::device, "(kind, number), as __dlpack_device__")
      .def_property_readonly("shape", &Loan::shape)
      .def_property_readonly("strides", &Loan::strides, "in elements; None: C-contiguous");
}

}  // namespace edgetrack
