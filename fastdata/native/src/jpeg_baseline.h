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
/// most stepped over, and where there are restart markers not even looked at.
class JpegBaseline {
  public:
    explicit JpegBaseline(const JpegKernels& kernels) : kernels_(kernels) {}

    /// @return Whether it was done; if not (another kind of file, or anything odd about its data),
    ///     libjpeg-turbo decides what it is worth.
    bool decode(Bytes file, const JpegHeader& header, int channels, Rect wanted,
                Pixels<std::uint8_t>& result);

  private:
    /// The MCUs that the wanted pixels depend on.
    Rect reach(Rect wanted) const;
    void make_planes(Rect part);
    void make_pixels(int channels, Rect wanted, Pixels<std::uint8_t>& result);
    void make_row(int y, int left, int count, std::uint8_t* out);
    const std::uint8_t* chroma_row(const JpegPlane& plane, int y, int left, int count,
                                   std::uint8_t* wide) const;

    const JpegKernels& kernels_;
    JpegFrame frame_;
    JpegPlane planes_[3];
    Buffer compressed_;
    Buffer samples_;
    Buffer wide_;
    Buffer pixels_;
};

}  // namespace fastdata
