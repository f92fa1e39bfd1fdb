#pragma once

#include <cstddef>
#include <functional>

namespace fastdata {

/// Runs work(i) for every i below `count`, on up to `threads` threads of this process, the caller
/// among them; returns when all are done. `work` must not throw.
///
/// The threads are started once and sleep between calls, so an idle pool takes no core from
/// anybody. A forked child starts its own. Calls from several threads share them.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace fastdata
