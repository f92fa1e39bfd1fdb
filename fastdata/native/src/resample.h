#pragma once

#include <cstddef>
#include <cstdint>

#include "pixels.h"
#include "scratch.h"
#include "stretch.h"

namespace fastdata {

/// The rows of a resampled (or copied) picture, made one after the other from top to bottom, so
/// that what lies between the two passes stays in the processor's cache.
///
/// Along the row first, then down, as Pillow: each pass rounds to 8 bits.
class ResampledRows {
  public:
    /// Throws `BadInput` when pixels with a weight lie outside of the window in memory.
    ResampledRows(const Pixels<std::uint8_t>& pixels, const Stretch& rows, const Stretch& columns,
                  bool mirrored, Scratch::Memory& memory);

    /// Row `i`, larger than that of the call before: at `out`, or where it already lies.
    const std::uint8_t* row(int i, std::uint8_t* out);
    std::size_t row_bytes() const { return row_bytes_; }

  private:
    enum class Across { copy, mirror, resample };

    void check_window(const Stretch& rows, const Stretch& columns) const;
    void prepare_ring();
    const std::uint8_t* source(int y) const;
    /// Source row y after the pass along it; `make` made it, unless it is a copy.
    const std::uint8_t* line(int y);
    void make(int first, int end);
    void resample_two(int y);
    const std::uint8_t* readable(int y, int slot);
    std::uint8_t* ring(int y) { return ring_ + y % ring_rows_ * ring_stride_; }

    const Pixels<std::uint8_t>& pixels_;
    Scratch::Memory& memory_;
    Across across_;
    bool down_;       ///< Whether rows are resampled too.
    int top_, left_;  ///< First pixel where an axis is copied.
    int width_;       ///< Of the result.
    std::size_t row_bytes_;
    RowWeights weights_{};
    decltype(Kernels::across3) along_ = nullptr;
    std::uint8_t* ring_ = nullptr;
    std::size_t ring_stride_ = 0;
    int ring_rows_ = 1;
    int made_ = 0;  ///< Source rows before this one are in the ring, or will not be needed.
};

}  // namespace fastdata
