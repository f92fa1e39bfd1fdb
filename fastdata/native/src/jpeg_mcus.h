#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.h"
#include "bytes.h"
#include "geometry.h"
#include "jpeg_blocks.h"
#include "jpeg_frame.h"
#include "jpeg_kernels.h"
#include "jpeg_segments.h"

namespace fastdata {

/// Samples of one component, of a part of the picture.
struct JpegPlane {
    std::uint8_t* samples = nullptr;  ///< Sample (top, left).
    std::ptrdiff_t row_stride = 0;
    int top = 0;
    int left = 0;

    std::uint8_t* at(int y, int x) const {
        return samples + static_cast<std::ptrdiff_t>(y - top) * row_stride + (x - left);
    }
};

/// Reads MCUs to samples.
class JpegMcus {
  public:
    /// @param memory For compressed data.
    JpegMcus(const JpegFrame& frame, Bytes scan, const JpegPlane* planes,
             const JpegKernels& kernels, Buffer& memory);

    /// All MCUs of a part, a rectangle that is counted in them; false where anything is odd.
    bool read(Rect part);

  private:
    struct Place {
        int component;
        int row;
        int column;
    };

    bool go_to(int mcu);
    bool open_segment(int index);
    bool skip(int count);
    bool read_row(int row, int from, int to);
    void finish();

    const JpegFrame& frame_;
    const JpegPlane* planes_;
    const JpegKernels& kernels_;
    JpegSegments segments_;
    JpegBits bits_;
    int next_ = 0;         ///< The MCU that `bits_` are about to say.
    int segment_end_ = 0;  ///< First MCU after the segment.
    int dc_[3] = {};
    Place places_[6];  ///< Blocks of an MCU, in their order.
    int blocks_ = 0;
    JpegBlock waiting_[2] = {};
    BlockTarget targets_[2];
    int waiting_count_ = 0;
};

}  // namespace fastdata
