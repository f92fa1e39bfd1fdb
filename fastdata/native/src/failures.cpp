#include "failures.h"

#include <algorithm>
#include <utility>

namespace fastdata {

void Failures::add(Failure failure) {
    const std::lock_guard lock(mutex_);
    found_.push_back(std::move(failure));
}

void Failures::add_bug(std::exception_ptr bug) {
    const std::lock_guard lock(mutex_);
    if (!bug_) bug_ = std::move(bug);
}

std::vector<Failure> Failures::sorted() {
    if (bug_) std::rethrow_exception(bug_);
    std::sort(found_.begin(), found_.end(),
              [](const Failure& a, const Failure& b) { return a.position < b.position; });
    return std::move(found_);
}

}  // namespace fastdata
