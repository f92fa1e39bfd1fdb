#include "batch.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>

#include "errors.h"
#include "pool.h"
#include "sample.h"

namespace fastdata {
namespace {

std::size_t item_bytes(Target::Type type) {
    switch (type) {
        case Target::Type::u8:
            return 1;
        case Target::Type::u16:
            return 2;
        default:
            return 4;
    }
}

void clear(const Target& target) {
    for (int y = 0; y < target.height; ++y) {
        for (int x = 0; x < target.width; ++x) {
            for (int c = 0; c < target.channels; ++c) {
                std::memset(target.data + y * target.row_stride + x * target.column_stride +
                                c * target.channel_stride,
                            0, item_bytes(target.type));
            }
        }
    }
}

/// Collects what went wrong, from all threads.
class Failures {
  public:
    void add(Failure failure) {
        const std::lock_guard lock(mutex_);
        found_.push_back(std::move(failure));
    }

    void add_bug(std::exception_ptr bug) {
        const std::lock_guard lock(mutex_);
        if (!bug_) bug_ = std::move(bug);
    }

    std::vector<Failure> sorted() {
        if (bug_) std::rethrow_exception(bug_);
        std::sort(found_.begin(), found_.end(),
                  [](const Failure& a, const Failure& b) { return a.position < b.position; });
        return std::move(found_);
    }

  private:
    std::mutex mutex_;
    std::vector<Failure> found_;
    std::exception_ptr bug_;
};

void make_or_note(const Batch& batch, std::size_t position, Failures& failures) {
    thread_local Workbench workbench;
    try {
        try {
            make_sample(batch, position, workbench);
        } catch (const NotHere& reason) {
            failures.add({position, Failure::Kind::not_here, reason.what()});
        } catch (const BadInput& reason) {
            clear(target_of(batch, position));
            failures.add({position, Failure::Kind::bad_input, reason.what()});
        } catch (const Contradiction& reason) {
            clear(target_of(batch, position));
            failures.add({position, Failure::Kind::contradiction, reason.what()});
        }
    } catch (...) {
        failures.add_bug(std::current_exception());
    }
}

}  // namespace

std::vector<Failure> decode_batch(const Batch& batch, const std::vector<std::size_t>& positions,
                                  int threads) {
    Failures failures;
    parallel_for(positions.size(), threads,
                 [&](std::size_t i) { make_or_note(batch, positions[i], failures); });
    return failures.sorted();
}

}  // namespace fastdata
