#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"
#include "stretch.h"
#include "triangle_filter.h"

namespace fastdata {

/// The weights of one axis for 8-bit pixels: 16-bit fixed-point numbers.
///
/// They are rounded so that all sums from the first weight on are right to half a unit, and add up
/// to exactly 1, so that a flat picture stays as it is. With the `shift` that the largest weight
/// allows, a result differs from the exact one by less than 0.02 levels before it is rounded
/// itself.
class Weights {
  public:
    /// Compute for this axis, unless it is the one of the call before.
    void prepare(const Stretch& stretch);
    /// Lay the weights out for the kernels that go along a row, which live until the next call.
    /// `mirrored` turns the order of the results round; `origin` is the first pixel in memory.
    RowWeights row_weights(int channels, bool mirrored, int origin);
    /// Whether gray rows need `across1_wide`.
    bool is_wide() const { return wide_; }
    /// Bytes of a row, from the pixel in memory on, that a kernel may read with `row_weights`.
    int readable_bytes() const { return readable_bytes_; }

    int count() const { return static_cast<int>(first_.size()); }
    int shift() const { return shift_; }
    /// Of result `i`: its first source pixel and the number of its weights, at least 1.
    int first(int i) const { return first_[i]; }
    int taps(int i) const { return taps_[i]; }
    /// An even number of them, zeros being added.
    const std::int16_t* weights(int i) const {
        return weights_.data() + static_cast<std::size_t>(i) * stride_;
    }
    int most_taps() const { return most_taps_; }
    /// Source pixels that any result depends on, half-open.
    int low() const { return first_.front(); }
    int high() const { return first_.back() + taps_.back(); }

  private:
    void quantise(int i);
    int widest_group(bool mirrored) const;
    void lay_out(int pairs, bool grouped, bool mirrored, int origin);

    Stretch stretch_{0, 1, 1, 1};
    TriangleFilter filter_;
    std::vector<std::int32_t> first_, taps_, row_first_;
    std::vector<std::int16_t> weights_, row_weights_;
    int stride_ = 0, most_taps_ = 0, shift_ = 0, readable_bytes_ = 0;
    bool wide_ = false;
};

}  // namespace fastdata
