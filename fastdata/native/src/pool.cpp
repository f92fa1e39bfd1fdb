#include "pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

namespace fastdata {
namespace {

/// One call of parallel_for. It lives on the caller's stack, so a thread enters and leaves it under
/// the pool's lock only.
struct Job {
    const std::function<void(std::size_t)>& work;
    const std::size_t count;
    int wanted;  ///< Threads that may still join in.
    int inside = 0;
    std::atomic<std::size_t> next{0};
    std::condition_variable left{};

    void run() {
        for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
    }
};

class Pool {
  public:
    void run(Job& job) {
        std::unique_lock lock(mutex_);
        const int wanted = job.wanted;
        grow(wanted);
        const auto place = jobs_.insert(jobs_.end(), &job);
        lock.unlock();
        for (int i = 0; i < wanted; ++i) woken_.notify_one();
        job.run();
        lock.lock();
        jobs_.erase(place);
        job.left.wait(lock, [&] { return job.inside == 0; });
    }

  private:
    void grow(int threads) {
        try {
            while (started_ < threads) {
                std::thread thread([this] { serve(); });
#ifdef __linux__
                pthread_setname_np(thread.native_handle(), "fastdata");
#endif
                thread.detach();
                ++started_;
            }
        } catch (const std::system_error&) {
            // The caller works too, so fewer threads only take longer.
        }
    }

    [[noreturn]] void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            const auto open = std::find_if(jobs_.begin(), jobs_.end(), [](const Job* job) {
                return job->wanted > 0 && job->next.load() < job->count;
            });
            if (open == jobs_.end()) {
                woken_.wait(lock);
                continue;
            }
            Job& job = **open;
            --job.wanted;
            ++job.inside;
            lock.unlock();
            job.run();
            lock.lock();
            if (--job.inside == 0) job.left.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable woken_;
    std::list<Job*> jobs_;
    int started_ = 0;
};

std::atomic<Pool*> current{nullptr};

/// This process's pool. It is never destroyed: its threads sleep in it until the process ends.
Pool& pool() {
    Pool* found = current.load();
    if (found != nullptr) return *found;
    // A child has none of its parent's threads, and cannot know in what state they left the lock.
    static const int registered = pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
    static_cast<void>(registered);
    Pool* made = new Pool;
    if (current.compare_exchange_strong(found, made)) return *made;
    delete made;
    return *found;
}

}  // namespace

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
    const std::size_t useful = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
    Job job{work, count, static_cast<int>(useful) - 1};
    if (useful <= 1) return job.run();
    pool().run(job);
}

}  // namespace fastdata
