#pragma once

#include <cstdint>
#include <vector>

#include "buffer.h"
#include "bytes.h"
#include "geometry.h"
#include "pixels.h"

namespace fastdata {

/// Part of a JPEG to pixels, by libjpeg-turbo; equal to the same part of the whole picture's.
///
/// Time is bounded by the file's pixels times its scans, which are to be checked before. Rows below
/// the wanted ones are not read, so damage there goes unnoticed.
class JpegDecoder {
  public:
    /// @param file A JPEG of 1 or 3 components whose header has been checked.
    /// @param channels 1 for gray, 3 for RGB, whatever the file has; as Pillow converts them.
    /// @param wanted In stored pixels, within the picture.
    /// @param denominator 1, 2, 4 or 8; the picture comes that much smaller.
    /// @return The wanted part, in memory of this decoder until its next call.
    /// @throws BadInput The data are damaged or end early.
    Pixels<std::uint8_t> decode(Bytes file, int channels, Rect wanted, int denominator);

  private:
    Buffer pixels_;
    std::vector<std::uint8_t*> rows_;
};

}  // namespace fastdata
