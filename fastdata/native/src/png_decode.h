#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "buffer.h"
#include "bytes.h"
#include "geometry.h"
#include "pixels.h"
#include "png_chunks.h"

struct libdeflate_decompressor;

namespace fastdata {

/// What decodes PNGs in this build, for people.
std::string png_library();

/// Class ids, in as many bytes as the file has.
using Ids = std::variant<Pixels<std::uint8_t>, Pixels<std::uint16_t>>;

/// Part of a PNG to pixels or class ids, equal to what the Pillow twin makes of it.
///
/// All of it is inflated; rows below the wanted ones are not looked at further. Throws `NotHere`
/// for compressed data that are not exactly as long as the picture.
class PngDecoder {
  public:
    PngDecoder();
    ~PngDecoder();

    /// @param channels 1 for gray, 3 for RGB. Alpha is dropped, 16 bits keep their high byte, fewer
    ///     than 8 are stretched.
    /// @param wanted In stored pixels, within the picture.
    /// @return The wanted part, in memory of this decoder until its next call.
    Pixels<std::uint8_t> pixels(const Png& png, int channels, Rect wanted);

    /// Palette indices, or values of gray, as stored.
    Ids ids(const Png& png, Rect wanted);

  private:
    /// The picture's first byte, unfiltered down to the end of `wanted`; before every row there is
    /// one other byte.
    const std::uint8_t* rows(const Png& png, Rect wanted);
    void inflate(const Png& png, std::uint8_t* out, std::size_t size);
    Pixels<std::uint16_t> wide_ids(const Png& png, Rect wanted);

    struct Free {
        void operator()(libdeflate_decompressor* decompressor) const;
    };
    std::unique_ptr<libdeflate_decompressor, Free> decompressor_;
    Buffer joined_;
    Buffer inflated_;
    Buffer samples_;
    Buffer pixels_;
};

}  // namespace fastdata
