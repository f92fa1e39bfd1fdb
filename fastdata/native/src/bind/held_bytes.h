#pragma once

#include <nanobind/nanobind.h>

#include "bytes.h"

namespace fastdata {

/// The bytes of a Python object that has the buffer protocol, held for as long as this lives; needs
/// the GIL to be made and to go. Raises what Python raises for objects without contiguous bytes.
class HeldBytes {
  public:
    explicit HeldBytes(nanobind::handle object) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE)) nanobind::raise_python_error();
    }
    ~HeldBytes() { PyBuffer_Release(&view_); }
    HeldBytes(const HeldBytes&) = delete;
    HeldBytes& operator=(const HeldBytes&) = delete;

    Bytes bytes() const {
        return {static_cast<const std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
    }

  private:
    Py_buffer view_;
};

}  // namespace fastdata
