#pragma once

#include <chrono>
#include <cstddef>

namespace fastdata {

/// What the time of a sample is spent on.
enum class Stage { decode, resize };

/// Seconds of each stage for each sample of a batch, (B, kStages).
struct StageSeconds {
    static constexpr std::size_t kStages = 2;

    double* seconds = nullptr;  ///< None where nobody wants to know.
};

/// Adds the time for which it lives to a stage of a sample, be it left by an exception. Without an
/// array it does not look at the clock.
class StageClock {
  public:
    StageClock(StageSeconds of, std::size_t position, Stage stage)
        : spent_(of.seconds ? of.seconds + StageSeconds::kStages * position +
                                  static_cast<std::size_t>(stage)
                            : nullptr) {
        if (spent_) start_ = Time::now();
    }
    ~StageClock() {
        if (spent_) *spent_ += std::chrono::duration<double>(Time::now() - start_).count();
    }
    StageClock(const StageClock&) = delete;
    StageClock& operator=(const StageClock&) = delete;

  private:
    using Time = std::chrono::steady_clock;

    double* spent_;
    Time::time_point start_;
};

}  // namespace fastdata
