#pragma once

#include <cstddef>
#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include "errors.h"

namespace fastdata {

/// Why a sample could not be made.
struct Failure {
    enum class Kind {
        bad_input,      ///< InputError
        contradiction,  ///< PackCorrupt
        not_here,       ///< The Pillow twin may be able to make it.
    };

    std::size_t position = 0;
    Kind kind = Kind::bad_input;
    std::string message;
};

/// Collects what goes wrong with the samples of a batch, from all threads.
class Failures {
  public:
    /// Runs work() for one sample. Where it throws BadInput or Contradiction, runs clear() and
    /// notes why; NotHere is only noted. Never throws.
    template <class Work, class Clear>
    void watch(std::size_t position, const Work& work, const Clear& clear) {
        try {
            try {
                work();
            } catch (const NotHere& reason) {
                add({position, Failure::Kind::not_here, reason.what()});
            } catch (const BadInput& reason) {
                clear();
                add({position, Failure::Kind::bad_input, reason.what()});
            } catch (const Contradiction& reason) {
                clear();
                add({position, Failure::Kind::contradiction, reason.what()});
            }
        } catch (...) {
            add_bug(std::current_exception());
        }
    }

    /// All failures by position. Rethrows what is no record's fault, such as a lack of memory.
    std::vector<Failure> sorted();

  private:
    void add(Failure failure);
    void add_bug(std::exception_ptr bug);

    std::mutex mutex_;
    std::vector<Failure> found_;
    std::exception_ptr bug_;
};

}  // namespace fastdata
