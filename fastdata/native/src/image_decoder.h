#pragma once

#include <cstdint>

#include "bytes.h"
#include "geometry.h"
#include "jpeg_baseline.h"
#include "jpeg_decode.h"
#include "jpeg_header.h"
#include "pixels.h"
#include "png_decode.h"

namespace fastdata {

/// A picture as its file stores it.
struct StoredImage {
    int height = 0;
    int width = 0;
    int orientation = 1;  ///< EXIF's, 1..8; `Turn::upright` says what to do with it.

    /// Throws Contradiction unless the upright picture has this size, which the pack says it has.
    void check_upright(int height_in_pack, int width_in_pack) const;
};

/// JPEG and PNG files to pixels. One for each thread, used again for every file.
///
/// Every method throws `BadInput` for a damaged file or one over a limit, and `NotHere` for a kind
/// that the Pillow twin decodes (or has the better message for).
class ImageDecoder {
  public:
    explicit ImageDecoder(const JpegKernels& kernels = best_jpeg_kernels()) : baseline_(kernels) {}

    /// Looks at the header. The bytes of `file` must stay until `pixels` or `ids` was called.
    StoredImage open(Bytes file);

    /// The opened file's picture, not turned, as uint8 of 1 (gray) or 3 (RGB) channels.
    ///
    /// The result is at least `wanted`, which must lie in the picture and is in stored pixels. It
    /// lives until the next call of any method.
    ///
    /// @param max_denominator 1, 2, 4 or 8: how much smaller the picture may be decoded; only JPEGs
    ///     ever are.
    Pixels<std::uint8_t> pixels(int channels, Rect wanted, int max_denominator);

    /// The opened file's values as they are stored: of a palette or gray PNG only.
    Ids ids(Rect wanted);

  private:
    Bytes file_;
    JpegHeader header_;
    JpegBaseline baseline_;
    JpegDecoder jpeg_;
    bool is_png_ = false;
    Png chunks_;
    PngDecoder png_;
};

}  // namespace fastdata
