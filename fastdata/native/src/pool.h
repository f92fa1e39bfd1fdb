#pragma once

#include <cstddef>
#include <functional>

namespace fastdata {

/// Runs work(i) for every i below `count`, on up to `threads` threads of this process, the caller
/// among them; returns when all are done. `work` must not throw.
///
/// The threads are started when they are first asked for, as many as the largest call wanted, and
/// sleep between calls: no spinning and no OpenMP, so that an idle pool takes no core from torch's
/// intra-op threads, and a busy one shares cores with them as the kernel sees fit. A forked child
/// starts its own. Calls from several threads share them. Where the system gives no thread, the
/// caller does the work by itself.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace fastdata
