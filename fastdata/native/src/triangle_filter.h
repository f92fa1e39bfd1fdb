#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stretch.h"

namespace fastdata {

/// The weights of antialiased bilinear resampling, for every result pixel of one axis.
///
/// Source: Pillow, src/libImaging/Resample.c (`precompute_coeffs`).
class TriangleFilter {
  public:
    /// Compute for this axis; the vectors keep their memory from call to call.
    void prepare(const Stretch& stretch);

    int count() const { return static_cast<int>(first_.size()); }
    /// Of result `i`: its first source pixel, how many it depends on, and their weights, all of
    /// which are above 0 and add up to 1.
    int first(int i) const { return first_[i]; }
    int taps(int i) const { return taps_[i]; }
    const double* weights(int i) const {
        return weights_.data() + static_cast<std::size_t>(i) * most_taps_;
    }
    int most_taps() const { return most_taps_; }
    /// The largest of all weights.
    double peak() const { return peak_; }

  private:
    void weigh(int i, const Stretch& stretch);

    std::vector<std::int32_t> first_, taps_;
    std::vector<double> weights_;
    int most_taps_ = 0;
    double peak_ = 0;
};

}  // namespace fastdata
