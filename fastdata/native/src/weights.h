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
/// to exactly 1, so that a flat picture stays as it is. With as many bits as the largest weight
/// allows, a result is off by less than 0.04 levels before it is rounded itself.
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

    int count() const { return filter_.count(); }
    int shift() const { return shift_; }
    /// Of result `i`: its first source pixel and the number of its weights, at least 1.
    int first(int i) const { return filter_.first(i); }
    int taps(int i) const { return filter_.taps(i); }
    /// An even number of them, zeros being added.
    const std::int16_t* weights(int i) const {
        return weights_.data() + static_cast<std::size_t>(i) * stride_;
    }
    int most_taps() const { return filter_.most_taps(); }
    /// Source pixels that any result depends on, half-open.
    int low() const { return first(0); }
    int high() const { return end(count() - 1); }

  private:
    int end(int i) const { return first(i) + taps(i); }
    void quantise(int i);
    int widest_group(bool mirrored) const;
    void lay_out(int pairs, bool grouped, bool mirrored, int origin);

    Stretch stretch_{0, 1, 1, 1};
    TriangleFilter filter_;
    std::vector<std::int32_t> row_first_;
    std::vector<std::int16_t> weights_, row_weights_;
    int stride_ = 0, shift_ = 0, readable_bytes_ = 0;
    bool prepared_ = false, wide_ = false;
};

}  // namespace fastdata
