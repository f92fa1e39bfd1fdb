#pragma once

#include <nanobind/nanobind.h>
#include <unistd.h>

namespace fastdata {

/// Lets other Python threads run for as long as this lives.
///
/// An interpreter that is ending stops a daemon thread that asks for the lock again, by unwinding
/// its stack (CPython up to 3.13). C++ cannot be unwound so, and the process would be aborted;
/// nanobind::gil_scoped_release is. Such a thread sleeps here instead until the process has ended.
class GilReleased {
  public:
    GilReleased() : state_(PyEval_SaveThread()) {}
    ~GilReleased() {
        try {
            PyEval_RestoreThread(state_);
        } catch (...) {
            for (;;) pause();
        }
    }
    GilReleased(const GilReleased&) = delete;
    GilReleased& operator=(const GilReleased&) = delete;

  private:
    PyThreadState* state_;
};

}  // namespace fastdata
