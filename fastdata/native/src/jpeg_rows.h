#pragma once

#include <cstdint>

#include "buffer.h"
#include "jpeg_frame.h"
#include "jpeg_kernels.h"
#include "jpeg_mcus.h"

namespace fastdata {

/// Planes of samples to rows of pixels.
class JpegRows {
  public:
    /// @param denominator 1, 2, 4 or 8: how much smaller the rows' picture is.
    /// @param from First of the columns to make; `to` the one after the last.
    /// @param memory For parts of rows.
    JpegRows(const JpegFrame& frame, const JpegPlane* planes, const JpegKernels& kernels,
             int denominator, int from, int to, Buffer& memory);

    /// The first column of the rows: `from`, or the one before it, where two share their chroma.
    int left() const { return left_; }
    /// Pixels in a row.
    int count() const { return count_; }

    /// Row `y`, of 1 (gray) or 3 (RGB) channels. Room for 3 channels and `JpegKernels::kSlack`
    /// bytes is needed in any case.
    void make(int y, int channels, std::uint8_t* out);

  private:
    /// The samples of component `i` for the row's pixels.
    const std::uint8_t* samples(int i, int y);
    const std::uint8_t* upsampled(const JpegPlane& plane, int y, std::uint8_t* out) const;

    const JpegFrame& frame_;
    const JpegPlane* planes_;
    const JpegKernels& kernels_;
    int denominator_;
    int left_;
    int count_;
    std::uint8_t* rows_[3];  ///< One for each component.
    std::uint16_t* sums_;
};

}  // namespace fastdata
