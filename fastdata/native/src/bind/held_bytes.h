#pragma once

#include <nanobind/nanobind.h>

#include <deque>
#include <vector>

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

/// The bytes of all records of a batch, held likewise.
class HeldRecords {
  public:
    explicit HeldRecords(const std::vector<nanobind::object>& records) {
        bytes_.reserve(records.size());
        for (const nanobind::object& record : records) {
            bytes_.push_back(held_.emplace_back(record).bytes());
        }
    }

    const std::vector<Bytes>& bytes() const { return bytes_; }

  private:
    std::deque<HeldBytes> held_;  // A deque, because what holds a buffer cannot move.
    std::vector<Bytes> bytes_;
};

}  // namespace fastdata
