#pragma once

#include <cstdint>

#include "buffer.h"
#include "bytes.h"
#include "geometry.h"
#include "jpeg_frame.h"
#include "jpeg_header.h"
#include "jpeg_kernels.h"
#include "jpeg_mcus.h"
#include "pixels.h"

namespace fastdata {

/// Part of a usual JPEG (baseline, one scan; gray, 4:4:4, 4:2:2 or 4:2:0 of YCbCr) to pixels.
///
/// Bit for bit what libjpeg-turbo makes, only quicker: blocks that nothing wanted depends on are at
/// most stepped over, and where there are restart markers not even looked at. A smaller picture
/// consists of the means of the stored samples, which is closer to what a resize makes of them than
/// libjpeg's smaller pictures are.
class JpegBaseline {
  public:
    explicit JpegBaseline(const JpegKernels& kernels) : kernels_(kernels) {}

    /// @param wanted In stored pixels, within the picture.
    /// @param denominator 1, 2, 4 or 8.
    /// @return Whether it was done; if not (another kind of file, or anything odd about its data),
    ///     libjpeg-turbo decides what it is worth.
    bool decode(Bytes file, const JpegHeader& header, int channels, Rect wanted, int denominator,
                Pixels<std::uint8_t>& result);

  private:
    /// The MCUs that the wanted pixels depend on.
    Rect reach(Rect wanted, int denominator) const;
    void make_planes(Rect part);
    void make_pixels(Pixels<std::uint8_t>& result);

    const JpegKernels& kernels_;
    JpegFrame frame_;
    JpegPlane planes_[3];
    Buffer compressed_;
    Buffer samples_;
    Buffer row_memory_;
    Buffer pixels_;
};

}  // namespace fastdata
